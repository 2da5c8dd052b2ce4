"""Which trunk a request comes from, which account a number is there, and by which trunk a dialled number leaves."""

from __future__ import annotations

import ipaddress
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kemi.accounts.model import Trunk
from kemi.sip.aor import Aor

_SEPARATORS = re.compile(r"[-.() ]")
_TELEPHONE_NUMBER = re.compile(r"\+?[0-9]{1,32}")
_SET_IDS = 1 << 30


@dataclass(frozen=True, slots=True)
class Inbound:
    """A trunk as its calls see it."""

    name: str
    dids: Mapping[str, Aor]


class TrunkTable:
    """All trunks of one document, arranged for one question each."""

    def __init__(self, trunks: Iterable[Trunk]) -> None:
        trunks = tuple(trunks)
        self._inbound: dict[tuple[str, int], Inbound] = {}
        self._addresses: set[str] = set()
        self._outbound: dict[str, Trunk] = {}
        for trunk in trunks:
            inbound = Inbound(trunk.name, {did: _aor(account) for did, account in trunk.dids})
            for source in trunk.sources:
                host, _, port = source.rpartition(":")
                self._inbound[_address(host), int(port)] = inbound
                self._addresses.add(_address(host))
            for prefix in trunk.outbound_prefixes if trunk.destinations else ():
                self._outbound.setdefault(prefix, trunk)
        self._set_ids = set_ids(trunks)
        self._longest_prefix = max(map(len, self._outbound), default=0)

    def at(self, ip: str, port: int) -> Inbound | None:
        """The trunk that lists this source, or None: whoever sends from there is nobody."""
        return self._inbound.get((_address(ip) if ":" in ip else ip, port))

    def knows(self, ip: str) -> bool:
        """Whether some trunk is at this address, whatever its port."""
        return (_address(ip) if ":" in ip else ip) in self._addresses

    def outbound(self, number: str) -> Trunk | None:
        """The trunk that takes a number out (`telephone_number`): the longest prefix, then the document's order."""
        for length in range(min(len(number), self._longest_prefix), 0, -1):
            trunk = self._outbound.get(number[:length])
            if trunk is not None:
                return trunk
        return None

    def set_id(self, trunk: Trunk) -> int:
        """The number of its destinations, as set_ids gives it."""
        return self._set_ids[trunk.name]


def telephone_number(dialled: str) -> str:
    """Digits, perhaps after a `+`, without the separators that people write (RFC 3966 §5.1.1); '' when it is no number.

    What is sent to a trunk is this and nothing else: no user part that a gateway could take for something more.
    """
    number = _SEPARATORS.sub("", dialled)
    return number if _TELEPHONE_NUMBER.fullmatch(number) else ""


def set_ids(trunks: Iterable[Trunk]) -> dict[str, int]:
    """A number for each trunk, by name, for the stack's list of destinations.

    It hangs on the name, not on the place in the document: a worker that still routes by the document before must
    not find another trunk's destinations under a number that it knows.
    """
    ids: dict[str, int] = {}
    taken: set[int] = set()
    for trunk in trunks:
        number = zlib.crc32(trunk.name.encode()) % _SET_IDS
        while number in taken:
            number = (number + 1) % _SET_IDS
        taken.add(number)
        ids[trunk.name] = number
    return ids


def _aor(account: str) -> Aor:
    number, _, domain = account.partition("@")
    return Aor(number, domain.lower())


def _address(text: str) -> str:
    """An IPv6 address has many spellings; this is one."""
    return str(ipaddress.ip_address(text.strip("[]")))
