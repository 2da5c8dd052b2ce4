"""Trunks belong to no node: a carrier's call comes to any, and an extension's leaves by the one that it came to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.carrier import ENVIRONMENT, HOME, Gateway, document_with, rings, trunk
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.several_nodes import SeveralNodes, heard


class Site:
    """Two nodes with one carrier."""

    def __init__(self, folder: Path) -> None:
        self.gateway = Gateway()
        self._document = document_with([trunk("carrier", [self.gateway], "+", dids={"+15550100": f"101@{HOME}"})])
        self.several = SeveralNodes(folder, self, environment=ENVIRONMENT)
        self.phones: list[Phone] = [self.gateway]

    def document(self) -> str:
        return self._document

    def phone(self, number: str, node: Node, transport: str, *, register: bool = False) -> Phone:
        phone = Phone(node.reached_by(transport), number, domain=HOME, transport=transport)
        self.phones.append(phone)
        if register:
            assert phone.registers().status == 200
        return phone


@pytest.fixture
def site(evidence: Path) -> Iterator[Site]:
    site = Site(evidence)
    with site.several:
        yield site
        for phone in site.phones:
            phone.close()


@pytest.mark.parametrize("transport", ["udp", "tcp", "wss"])
def test_given_a_carrier_when_it_calls_by_either_node_then_the_phone_rings_and_both_talk(
    transport: str, site: Site
) -> None:
    nodes = site.several.nodes
    reception = heard(site.phone("101", nodes["a"], transport, register=True), nodes["b"])
    for name in ("b", "a"):
        site.gateway.joins(nodes[name])
        call = site.gateway.calls("+15550100")
        inbound = rings(call, reception)
        inbound.answers(200)
        talk = call.dialog(call.expects(200))
        inbound.dialog().reinvites(site.gateway, "sendonly", "recvonly")
        talk.ends(reception)


def test_given_an_extension_when_it_calls_out_by_either_node_then_the_carrier_gets_the_call(site: Site) -> None:
    for node in site.several.nodes.values():
        site.gateway.joins(node)
        call = site.phone("104", node, "tcp").dials("+4930123")
        outbound = site.gateway.rung()
        outbound.answers(200)
        dialog = call.dialog(call.expects(200))
        outbound.dialog()
        dialog.ends(site.gateway)
