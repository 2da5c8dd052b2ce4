"""Media through a relay (RFC 3264 offers and answers), or straight between the phones.

One rule for every way a call can take: what is sent is offered branch by branch, what answers is answered, and when
every branch has ended without an answer nothing of the call is left at the relay; whoever is rung next is offered
anew. So hunt stages, offers to agents, gateways and the next call of a pickup need no rules of their own, and the
services know of no relay.

A relay that is away or refuses costs a bounded wait: the call goes on with the description as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

from kemi.sip.ports import Message, Transaction
from kemi.sip.sdp import carries_sdp, offers_ice

NOTE = "media"
ANSWERED = "media_answered"
"""Branch and To tag of the first 2xx."""


class MediaProxy(Protocol):
    """What is asked of the relay, about the message that the worker has at hand; a failure is logged there.

    branch: names the branch of a request that began a call, by which the relay knows its dialog as long as its To tag
    is not known; empty: both tags are.
    ice: the party that made the offer does ICE (RFC 8445); the relay is the only candidate that it is told.
    """

    def offer(self, branch: str, *, ice: bool) -> None:
        """Put the relay's address into a description that is an offer."""
        ...

    def answer(self, branch: str, *, ice: bool) -> None:
        """Put the relay's address into a description that is an answer."""
        ...

    def delete_branch(self, branch: str) -> None:
        """Forget a branch; the call too when it has no other."""
        ...

    def delete_dialog(self) -> None:
        """Forget the dialog that the request is in; the call too when it has no other."""
        ...

    def delete_call(self) -> None:
        """Forget the call that the request began, with all its branches."""
        ...


class Media(Protocol):
    """What is told of each message on its way. Nothing here changes what the worker reads of the message."""

    def branch(self) -> None:
        """A request that begins a call is about to be sent on one of its branches."""
        ...

    def replied(self) -> None:
        """A reply of a branch is about to be relayed."""
        ...

    def over(self) -> None:
        """Every branch has ended without an answer, or none could be sent."""
        ...

    def within(self, message: Message) -> None:
        """A request inside of a dialog that this node let through is about to be relayed; replied() is told of it."""
        ...


class Direct:
    """Implements Media where there is no relay."""

    def branch(self) -> None: ...

    def replied(self) -> None: ...

    def over(self) -> None: ...

    def within(self, message: Message) -> None: ...


@dataclass(frozen=True, slots=True)
class Offered:
    """What a transaction carries from its request to its replies."""

    late: bool
    """The request offered nothing: the first description of a reply is the offer (RFC 3261 §13.2.1)."""
    initial: bool
    """It began the call: each branch is another dialog."""
    ice: bool
    branches: tuple[str, ...] = ()
    """Names of those that were offered."""

    def pack(self) -> str:
        flags = "".join("1" if word else "0" for word in (self.late, self.initial, self.ice))
        return " ".join((flags, *self.branches))

    @classmethod
    def unpack(cls, text: str) -> Self:
        flags, *branches = text.split(" ")
        late, initial, ice = (letter == "1" for letter in flags)
        return cls(late, initial, ice, tuple(branches))


class Relayed:
    """Implements Media with a relay in between."""

    def __init__(self, message: Callable[[], Message], transaction: Transaction, proxy: MediaProxy) -> None:
        self._message = message
        self._transaction = transaction
        self._proxy = proxy

    def branch(self) -> None:
        message = self._message()
        # What passes through this node once more was offered when it passed first; inside of a dialog see within().
        if not message.is_own and not message.to_tag:
            self._offer(message, initial=True)

    def replied(self) -> None:
        offered = self._offered()
        if offered is None:
            return
        message = self._message()
        branch, _, tag = self._transaction.recall(ANSWERED).partition(" ") if offered.initial else ("", "", "")
        if branch and tag != message.to_tag:
            # What a phone that lost the race still says would turn the caller's media to it. A branch that was forked
            # again further on has the winner as well.
            if message.status >= 200 and branch != self._branch():
                self._proxy.delete_branch(self._branch())
            return
        # A branch that fails before anybody has answered: over() sees to all of them.
        if message.status >= 300:
            return
        if message.status >= 200:
            self._transaction.remember(ANSWERED, f"{self._branch()} {message.to_tag}")
        if not _described(message):
            return
        if offered.late:
            self._proxy.offer("", ice=offers_ice(message.body))
        else:
            self._proxy.answer(self._branch() if offered.initial else "", ice=offered.ice)

    def over(self) -> None:
        offered = self._offered()
        if offered is None or not offered.initial:
            return
        if offered.late:
            self._proxy.delete_call()
        # Not all of the call: it may have come here by several ways (RFC 3261 §16.3), of which another was answered.
        for branch in offered.branches:
            self._proxy.delete_branch(branch)
        self._transaction.remember(NOTE, "")

    def within(self, message: Message) -> None:
        if message.is_own:
            return
        method = message.method
        if method == "BYE":
            self._proxy.delete_dialog()
        elif method == "INVITE" or (method == "UPDATE" and _described(message)):
            self._offer(message, initial=False)
        elif method in ("ACK", "PRACK") and _described(message):
            # RFC 3261 §13.2.1: what an ACK describes is always the answer. A PRACK's may be an offer after the first
            # (RFC 3262 §5): both ends are known to the relay by then, and it treats that alike.
            ice = offers_ice(message.body)
            self._proxy.answer("", ice=ice)
            if method == "PRACK":
                self._transaction.remember(NOTE, Offered(late=False, initial=False, ice=ice).pack())

    def _offer(self, message: Message, *, initial: bool) -> None:
        described = _described(message)
        branch = self._branch() if initial and described else ""
        before = self._offered()
        branches = (*(before.branches if before else ()), *([branch] if branch else []))
        offered = Offered(late=not described, initial=initial, ice=offers_ice(message.body), branches=branches)
        self._transaction.remember(NOTE, offered.pack())
        if described:
            self._proxy.offer(branch, ice=offered.ice)

    def _branch(self) -> str:
        """Name of the branch at hand, the same in its request and its replies and unique on this node."""
        return f"{self._transaction.name}.{self._transaction.branch}"

    def _offered(self) -> Offered | None:
        packed = self._transaction.recall(NOTE)
        return Offered.unpack(packed) if packed else None


def _described(message: Message) -> bool:
    return bool(message.body) and carries_sdp(message.header("Content-Type"), message.body)
