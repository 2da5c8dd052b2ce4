"""What was dialled: the pickup code, with or without a number (`*87`, `*87<number>`), or an agent's code."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

CONFIRM_KEY = "#"


@dataclass(frozen=True, slots=True)
class PickupCode:
    """`number` is the account to pick up from; empty: general pickup."""

    number: str = ""

    @property
    def is_general(self) -> bool:
        return not self.number


def unescape(user: str) -> str:
    """The user part with %HH escapes resolved (RFC 3261 §19.1.4) and without its parameters (`101;phone-context=…`)."""
    return unquote(user.partition(";")[0], errors="surrogateescape")


def parse_pickup_code(user: str, code: str) -> PickupCode | None:
    """Read the user part of a Request-URI; None when it does not begin with the code.

    A trailing `#` (the confirm key of the telephone keypad) is dropped. What follows the code is
    taken as the number as it stands: whether there is such an account is not decided here.
    """
    dialled = unescape(user)
    if not dialled.startswith(code):
        return None
    return PickupCode(dialled[len(code) :].removesuffix(CONFIRM_KEY))


def is_code(user: str, code: str) -> bool:
    """Whether the user part of a Request-URI is this code and nothing else but perhaps the confirm key."""
    return unescape(user).removesuffix(CONFIRM_KEY) == code
