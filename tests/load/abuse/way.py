"""What a way is: whom it attacks, what it does, and which answers show that it came to the check that it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.support.sip_text import SipMessage

if TYPE_CHECKING:
    from tests.load.abuse.scene import Scene

HOME, FOREIGN = "victim.example.com", "foreign.example.com"
SILENCE = "silence"


class Victim(StrEnum):
    """The call that is attacked. Its caller is 104 of HOME."""

    RINGS = "101"
    """It rings 101, which was dialled."""
    GROUP = "700"
    """It rings 101 as a member of the hunt group 700."""
    FORWARDED = "107"
    """It was dialled to 107, which is forwarded to 101."""
    WAITS = "800"
    """It waits in the queue 800, and rings nobody."""
    TALKS = "talks"
    """101 has answered it."""


Answer = SipMessage | str | None
"""What the attacker was told: a message, what stands for one, or nothing (SILENCE)."""
Try = Callable[["Scene"], Answer]


@dataclass(frozen=True, slots=True)
class Way:
    name: str
    group: str
    attempt: Try
    answers: tuple[str, ...]
    """Beginnings of `status reason: text of the Warning`; of `403 Forbidden: From` the text has to contain `From`."""
    victim: Victim
    may_hear: tuple[str, ...]
    """Methods of requests that the victims' phones may get: it is for them to refuse these."""
    is_control: bool
    """It has a right to the call and must succeed."""

    def expects(self, told: str) -> bool:
        line, _, text = told.partition(": ")
        for expected in self.answers:
            wanted, _, because = expected.partition(": ")
            if line.startswith(wanted) and because in text:
                return True
        return False


WAYS: list[Way] = []
"""All of them, in the order of their modules."""


def way(
    name: str,
    *answers: str,
    victim: Victim = Victim.RINGS,
    may_hear: tuple[str, ...] = (),
    is_control: bool = False,
) -> Callable[[Try], Try]:
    """Decorates what is tried. answers: as Way.answers."""

    def note(attempt: Try) -> Try:
        group = attempt.__module__.rpartition(".")[2]
        WAYS.append(Way(name, group, attempt, answers, victim, may_hear, is_control))
        return attempt

    return note


def shown(answer: Answer) -> str:
    """How an answer is printed and compared."""
    if answer is None:
        return SILENCE
    if isinstance(answer, str):
        return answer
    text = answer.all("Warning")
    because = text[0].partition('"')[2].removesuffix('"') if text else ""
    line = f"{answer.status} {answer.reason}"
    return f"{line}: {because}" if because else line
