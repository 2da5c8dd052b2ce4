"""Carriers around a node: gateways, as phones that nobody gave credentials, and a node with trunks to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from tests.support.node import Node
from tests.support.phone import PASSWORD, Headers, Phone
from tests.support.phone_calls import Incoming, Outgoing
from tests.support.ports import LOOPBACK
from tests.support.sip_text import SipMessage, sdp
from tests.support.until import until
from tests.support.wire import Datagrams

HOME, OTHER = "pbx.example.com", "other.example.com"
CARRIER_IP = "127.0.0.2"
SILENCE_MS = 300
ENVIRONMENT = {
    # A gateway of a test answers what the test asks of it, and no probe.
    "STAR87_GATEWAY_PROBE_S": "3600",
    "STAR87_GATEWAY_SILENCE_MS": str(SILENCE_MS),
    "STAR87_ALREADY_ANSWERED_MS": "100",
}


class Gateway(Phone):
    """A carrier's end of a trunk, at an address of its own. It is there before the node that it joins."""

    def __init__(self, host: str = CARRIER_IP) -> None:
        super().__init__(f"{LOOPBACK}:9", "+15559999", domain="carrier.example.net", name="Customer", host=host)

    def joins(self, node: Node) -> None:
        assert isinstance(self.wire, Datagrams)
        self.wire.joins((LOOPBACK, node.port))

    def names(self, number: str, domain: str) -> None:
        """From now on it says in From that this is who calls."""
        self.number, self.domain = number, domain

    def calls(self, number: str, *, host: str = HOME, headers: Headers = (), supported: str = "replaces") -> Outgoing:
        """An INVITE to a number at the node, without credentials."""
        call = Outgoing(self, f"sip:{number}@{host}", [("Supported", supported), *headers], sdp())
        call.invites()
        return call

    def requests_once(self, method: str, uri: str, *, headers: Headers = ()) -> SipMessage:
        """The answer to a request that is sent once, without credentials."""
        via = self.via()
        self.sends(self.requests(method, uri, via=via, headers=headers))
        return self.answer_to(via)

    def is_probed(self, within_s: float = 5.0) -> None:
        """The next OPTIONS comes, and is answered."""
        probe = self.expects(lambda m: m.status == 0 and m.method == "OPTIONS", "OPTIONS", within_s)
        self.replies(probe, 200, tag="probe")

    def is_left_alone(self) -> None:
        """No call has come here so far."""
        self.hears()
        assert [m.start for m in self.inbox if m.status == 0 and m.method == "INVITE"] == []


def trunk(
    name: str, gateways: Sequence[Gateway], *prefixes: str, dids: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """An entry of the document: these gateways are its sources and, in this order, its destinations."""
    return {
        "name": name,
        "sources": [gateway.address for gateway in gateways],
        "destinations": [f"sip:{gateway.address}" for gateway in gateways],
        "dids": dict(dids or {}),
        "outbound_prefixes": list(prefixes),
    }


def document_with(trunks: Sequence[Mapping[str, Any]]) -> str:
    """101 and the groups admit 103 and 104; 700 rings 101 and 102, 800 is 104's queue. The other domain has a 103."""
    watched = {"monitored_by": ["103", "104"]}
    home = {
        "name": HOME,
        "extensions": [
            _extension("101", "Reception", **watched),
            _extension("102", "Alice"),
            _extension("103", "Carol"),
            _extension("104", "Dave"),
        ],
        "hunt_groups": [{"number": "700", "name": "Sales", "members": ["101", "102"], **watched}],
        "agent_groups": [{"number": "800", "name": "Support", "agents": ["104"], **watched}],
    }
    other = {"name": OTHER, "extensions": [_extension("103", "Foreigner")]}
    return str(yaml.safe_dump({"version": 1, "domains": [home, other], "trunks": [dict(t) for t in trunks]}))


def _extension(number: str, name: str, **more: object) -> dict[str, object]:
    return {"number": number, "name": name, "password": PASSWORD, **more}


class Site:
    """A node with two carriers: `first` and `second` are one trunk's gateways, `rival` is another's."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.first, self.second, self.rival = Gateway(), Gateway(), Gateway()
        self._phones: list[Phone] = [self.first, self.second, self.rival]
        dids = {"+15550100": f"101@{HOME}", "+15550170": f"700@{HOME}", "+15550180": f"800@{HOME}"}
        self.trunks = [
            trunk("carrier", [self.first, self.second], "+", "00", dids={**dids, "+15550200": f"103@{OTHER}"}),
            trunk("rival", [self.rival], "+49", "00", dids={"+49301": f"101@{HOME}"}),
        ]
        self.node = Node(folder, document_with(self.trunks), environment={**ENVIRONMENT, **environment})
        for gateway in (self.first, self.second, self.rival):
            gateway.joins(self.node)

    def __enter__(self) -> Site:
        self.node.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        log = self.node.log()
        self.node.stop()
        for phone in self._phones:
            phone.close()
        assert "Traceback" not in log, log[log.find("Traceback") :][:3000]

    def gateway(self) -> Gateway:
        """One more, that no trunk names yet."""
        gateway = Gateway()
        gateway.joins(self.node)
        self._phones.append(gateway)
        return gateway

    def phone(self, number: str, *, domain: str = HOME, register: bool = False, transport: str = "udp") -> Phone:
        phone = Phone(self.node.address, number, domain=domain, transport=transport)
        self._phones.append(phone)
        if register:
            assert phone.registers().status == 200
        return phone

    def ends_empty(self) -> None:
        """No key of any call is left; what is counted of agents and their groups stays."""
        until(lambda: not self._left(), within_s=15, what=lambda: f"no key of a call; there are {self._left()}")

    def _left(self) -> list[str]:
        return [*self.node.left_keys(HOME), *self.node.left_keys(OTHER)]


def rings(call: Outgoing, phone: Phone) -> Incoming:
    """The phone rings, and the caller hears it."""
    inbound = phone.rung()
    inbound.answers(180)
    call.expects(180)
    return inbound


def reached(*gateways: Gateway) -> Gateway:
    """The first of these that gets a call. It is refused there."""

    def asked() -> Gateway | None:
        for gateway in gateways:
            gateway.hears()
        return next((g for g in gateways if any(m.start.startswith("INVITE ") for m in g.inbox)), None)

    found = until(asked, what="a call at one of the gateways")
    assert found is not None
    found.rung().answers(486)
    return found
