"""Which dialog: what names a call, and the Replaces header that takes its place.

Tag direction is settled here and nowhere else: `caller_tag` is the From tag of the INVITE, `callee_tag`
the To tag of an early or confirmed dialog that it made.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from kemi.sip import replaces
from kemi.sip.ports import Message

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@lru_cache(maxsize=64)
def _key(call_id: str, caller_tag: str) -> str:
    """DialogId.key: asked for several times while a worker has one message at hand."""
    name, tag = call_id.encode("utf-8", "surrogateescape"), caller_tag.encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(b"%d:%b%b" % (len(name), name, tag), digest_size=15).digest()
    return b2a_base64(digest, newline=False).translate(_URL_SAFE).decode()


class DialogId(NamedTuple):
    """A call before it is answered: the caller's Call-ID and From tag (several callee tags may follow).

    A Call-ID is the caller's choice and no identity: without the tag it would let one caller name,
    and so disturb, another's call.
    """

    call_id: str
    caller_tag: str

    @classmethod
    def of(cls, message: Message) -> DialogId:
        """By Call-ID and From tag of a message: an INVITE, its answer, or what its caller sends later."""
        return cls(message.call_id, message.from_tag)

    @property
    def key(self) -> str:
        """Twenty characters of [A-Za-z0-9_-] for the store, whatever odd bytes the Call-ID holds."""
        return _key(self.call_id, self.caller_tag)


class Tags(NamedTuple):
    """A dialog's tags as one of its ends sees them (RFC 4235 §4.1.2)."""

    local: str
    remote: str

    @classmethod
    def of_callee(cls, caller_tag: str, callee_tag: str) -> Tags:
        """As the phone that rings sees them. A lamp key makes to-tag=remote;from-tag=local of it."""
        return cls(callee_tag, caller_tag)


@dataclass(frozen=True, slots=True)
class Replaces:
    """The Replaces header of an INVITE that goes *to the caller* (RFC 3891 §6.1).

    RFC 3891 §3: the recipient matches to-tag with its own (local) tag, which for the caller is the From
    tag of its INVITE, and from-tag with the remote tag: the ringing phone's To tag.
    """

    call_id: str
    caller_tag: str
    callee_tag: str
    early_only: bool = True

    @classmethod
    def parse(cls, value: str) -> Replaces:
        """The value of one header line, read as if it went to the caller; other parameters are dropped.

        Raises MalformedReplaces (400), which names the fault, and nothing else.
        """
        return cls(*replaces.read(value))

    @property
    def readings(self) -> tuple[tuple[DialogId, str, bool], ...]:
        """The dialogs that this may name: caller's side, callee tag, and whether it goes to the caller.

        A header from outside tells nowhere which end it goes to: to the callee, the tags stand the other way round.
        RFC 3891 §6.1: 0 also stands for the tag that an old device (RFC 2543) never gave.
        """
        both = ((self.caller_tag, self.callee_tag, True), (self.callee_tag, self.caller_tag, False))
        return tuple(
            (DialogId(self.call_id, tag), peer, to_caller)
            for own, peer, to_caller in both
            for tag in ((own, "") if own == replaces.NO_TAG else (own,))
        )

    def __str__(self) -> str:
        flag = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.caller_tag};from-tag={self.callee_tag}{flag}"
