"""What the double of KSR keeps: a message, its transaction, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.fake_ksr import FakeKsr

Xval = str | int | None
Header = tuple[str, str]

_COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "e": "content-encoding", "f": "from",
    "i": "call-id", "k": "supported", "l": "content-length", "m": "contact", "o": "event", "r": "refer-to",
    "s": "subject", "t": "to", "u": "allow-events", "v": "via", "x": "session-expires",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Registered:
    """One contact in usrloc, as `$ulc` shows it: what is empty there is empty here."""

    addr: str
    received: str = ""
    path: str = ""
    socket: str = ""
    user_agent: str = "n/a"
    ruid: str = ""

    @property
    def dst_uri(self) -> str | None:
        """Where a request to it is sent: the first URI of its Path, else where its REGISTER came from."""
        return self.path.split(",")[0].strip("<> ") or self.received or None


@dataclass(slots=True)
class Branch:
    """A branch beside the Request-URI; the fields are named as in `$branch(field)`."""

    uri: str
    dst_uri: str | None = None
    path: str | None = None
    send_socket: str | None = None
    ruid: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    reason: str
    headers: tuple[Header, ...]
    stateful: bool


@dataclass(frozen=True, slots=True)
class Relay:
    """One t_relay, as it left: appended and removed say how the headers differ from those received."""

    uri: str
    dst_uri: str | None
    send_socket: str | None
    appended: tuple[Header, ...]
    removed: tuple[str, ...]
    branches: tuple[Branch, ...]
    on_failure: str
    on_branch: str
    on_reply: str
    timers_ms: tuple[int, int] | None
    """The last t_set_fr: final answer to an INVITE, any answer."""


@dataclass(slots=True)
class Message:
    """A SIP message in Kamailio's hands.

    Header changes are only noted: the message itself has them after msg_apply_changes, its copies when they leave.
    """

    variables: dict[str, Xval]
    headers: list[Header] | None
    """None: the test does not say which headers the message has."""
    appended: list[Header] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    applied: list[Header] = field(default_factory=list)
    applied_removed: list[str] = field(default_factory=list)
    reply_headers: list[Header] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    flags: set[int] = field(default_factory=set)
    record_routed: bool = False

    def copy(self) -> Message:
        """A message whose changes do not reach this one."""
        return replace(
            self,
            variables=dict(self.variables),
            headers=None if self.headers is None else list(self.headers),
            appended=list(self.appended),
            removed=list(self.removed),
            applied=list(self.applied),
            applied_removed=list(self.applied_removed),
            reply_headers=list(self.reply_headers),
            branches=[replace(branch) for branch in self.branches],
            flags=set(self.flags),
        )

    def apply_changes(self) -> None:
        """The noted changes become the message. Headers noted for the reply are lost on the way."""
        if self.headers is not None:
            self.headers = without(self.headers, self.removed) + self.appended
        self.applied = without(self.applied, self.removed) + self.appended
        self.applied_removed += self.removed
        self.appended, self.removed, self.reply_headers = [], [], []

    def headers_added(self) -> tuple[Header, ...]:
        """What its copies carry beyond what was received."""
        return (*without(self.applied, self.removed), *self.appended)


@dataclass(slots=True)
class Transaction:
    created: Message | None = None
    """The message as it was when the transaction was made: what a failure callback gets to see."""
    final: bool = False
    """The caller has its final answer."""
    relayed: bool = False
    armed: dict[str, str] = field(default_factory=lambda: {"failure": "", "branch": "", "reply": ""})
    timers_ms: tuple[int, int] | None = None


def same_header(one: str, other: str) -> bool:
    """RFC 3261 §7.3.1, §7.3.3: without regard to case, long or compact."""
    one, other = one.lower(), other.lower()
    return _COMPACT.get(one, one) == _COMPACT.get(other, other)


def without(headers: Sequence[Header], names: Sequence[str]) -> list[Header]:
    return [header for header in headers if not any(same_header(header[0], name) for name in names)]


class Part:
    """One module of KSR: every public method is one of its functions."""

    def __init__(self, fake: FakeKsr) -> None:
        self._fake = fake


def yes(condition: bool) -> int:
    """KEMI functions of type int say 1 for yes and -1 for no."""
    return 1 if condition else -1
