"""What the functions answer, as values."""

from __future__ import annotations

from collections.abc import Sequence

from kemi.dialogs.record import Caller, CallRecord
from kemi.store import keys


def text(value: bytes | str) -> str:
    """A word, whatever bytes a peer has put into it."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def texts(words: Sequence[bytes]) -> list[str]:
    """`text` of each."""
    try:
        return list(map(bytes.decode, words))
    except UnicodeDecodeError:
        return [text(word) for word in words]


def call_record(domain: str, key: bytes | str, flat: Sequence[bytes]) -> CallRecord:
    """A call of which the fields came: name, value, …"""
    words = texts(flat)
    fields = dict(zip(words[::2], words[1::2], strict=True))
    caller, number = "", 1
    while piece := fields.get(f"x{number}"):
        caller, number = caller + piece, number + 1
    early = [line.partition(" ")[2] for line in fields.get("e", "").split("\n") if line]
    return CallRecord(
        domain=domain,
        key=text(key),
        kind=keys.KINDS[fields["k"]],
        number=fields["n"],
        permission_id=fields["p"],
        routed_at_us=int(float(fields["t"])),
        caller=Caller.unpack(caller),
        early_tags=tuple(early),
        ringing=tuple(fields.get("m", "").split()),
        claimed_by=fields.get("b", ""),
        waiting=fields.get("s") == keys.WAITING,
        node=fields.get("N", ""),
        transaction=fields.get("T", ""),
    )
