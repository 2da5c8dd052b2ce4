"""Which devices carry a Replaces out. Many that say `Supported: replaces` (RFC 3891 §6.2) do not.

What was learnt about this very device goes before what is known of its make, and that before what it says of itself.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from hashlib import blake2b

from kemi.dialogs.record import Caller
from kemi.sip.uri import REMEMBERED, user_host_port

NAME_BYTES = 9
"""Twelve characters: enough that two devices of a tenant do not meet, even by design."""


class Verdict(Enum):
    """Whether a device carries a Replaces out; the values are what the store keeps."""

    UNKNOWN = ""
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Known:
    """A make of device that was tried."""

    product: re.Pattern[str]
    """Found at the beginning of a User-Agent without its comments."""
    verdict: Verdict
    evidence: str
    """What it did when its ringing call was replaced (early-only, Require: replaces)."""


def _known(product: str, verdict: Verdict, evidence: str) -> Known:
    return Known(re.compile(product, re.IGNORECASE), verdict, evidence)


KNOWN = (
    _known(
        r"(?:pjsua|pjsip|pjproject)\b",
        Verdict.GOOD,
        "PJSIP 2.15 answers 200 by itself in 2 to 5 ms and cancels its first call at once; 481 when no dialog matches, "
        "486 when it was answered: all that RFC 3891 asks.",
    ),
    _known(
        r"baresip[ /]v?(?:[4-9]|[1-9]\d)\b",
        Verdict.BAD,
        "baresip (libre 4.10) cancels its first call at once, then rings until a human answers; ignores early-only.",
    ),
    _known(
        r"baresip[ /]v?(?:0|1\.0)\b",
        Verdict.BAD,
        "baresip 1.0.0 says `Supported: gruu` only and answers 420; without Require it rings as a second call.",
    ),
    _known(
        r"(?:.*\s)?(?:linphone|liblinphone)",
        Verdict.BAD,
        "liblinphone 5.1 rings until a human answers, cancels its first call only then; ignores tags and early-only.",
    ),
    _known(
        r"jami\b",
        Verdict.BAD,
        "Jami 13.7 cancels its first call after 150 to 300 ms, then rings until a human answers.",
    ),
    _known(r"twinkle\b", Verdict.BAD, "Twinkle 1.10 answers 100 and then nothing more."),
)
"""The shipped list. The first that matches counts."""

_COMMENT = re.compile(r"\([^()]*\)")


def shipped(user_agent: str) -> Verdict:
    """What is known of a make of device; User-Agent as RFC 3261 §20.41 writes it, products and comments."""
    products = _COMMENT.sub(" ", user_agent).strip()
    return next((known.verdict for known in KNOWN if known.product.match(products)), Verdict.UNKNOWN)


def verdict(caller: Caller, learnt: Verdict) -> Verdict:
    """Whether the caller's device carries a Replaces out. UNKNOWN: only its `Supported` says (Caller.replaces).

    learnt: what is remembered of this very device. A make that is known to be good is not taken for more than the
    device says of itself: without `Supported: replaces` its support may be switched off.
    """
    if learnt is not Verdict.UNKNOWN:
        return learnt
    known = shipped(caller.user_agent)
    if known is Verdict.GOOD and not caller.replaces:
        return Verdict.UNKNOWN
    return known


@lru_cache(REMEMBERED)
def name_of(contact_uri: str, user_agent: str) -> str:
    """Short name of a device: 12 characters of [A-Za-z0-9_-], the same for each of its calls. '' when none can be told.

    It is of the Contact's user, host and port and of the User-Agent, so new firmware makes a new device.
    """
    place = user_host_port(contact_uri)
    if not place:
        return ""
    text = f"{place}\n{user_agent}".encode("utf-8", "surrogateescape")
    return urlsafe_b64encode(blake2b(text, digest_size=NAME_BYTES).digest()).decode()
