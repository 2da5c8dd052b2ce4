"""Contacts of several nodes, against the strict double of KSR: which branch goes where, and which is none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kemi.nodes.flows import held
from kemi.nodes.hop import REACH
from kemi.nodes.peer import Peer
from kemi.settings import Settings
from kemi.sip.ports import Callback
from tests.support.fake_ksr import FakeKsr, install
from tests.support.fake_peers import FakePeers
from tests.unit.ksr.kamailio import VARIABLES

with install():
    from kemi.ksr import location
    from kemi.ksr.location import SLACK_MS, KamailioLocation

SETTINGS = Settings(node="a", boot="1", peer="udp:192.0.2.1:5060", udp_socket="udp:192.0.2.1:5060")
A, B = Peer("a", "1", "udp:192.0.2.1:5060"), Peer("b", "2", "udp:192.0.2.2:5060")
DOMAIN = "pbx.example.com"


def flow_at(name: str, port: int = 4001) -> str:
    holder = next((peer for peer in (A, B) if peer.name == name), Peer(name, "0", ""))
    return held(f"sip:203.0.113.5:{port};transport=tcp", holder, f"tcp:192.0.2.9:{port}")


class Found:
    """What a look-up finds: next hops of the Request-URI and of the branches beside it."""

    def __init__(self, *next_hops: str) -> None:
        first, *beside = next_hops
        variables: dict[str, str | int | None] = {**VARIABLES, "$du": first or None, "$ru": "sip:101@203.0.113.9"}
        self.beside = beside
        for index, hop in enumerate(beside):
            variables[f"$(branch(dst_uri)[{index}])"] = hop or None
            variables[f"$(branch(uri)[{index}])"] = f"sip:101@203.0.113.{index}"
            variables[f"$(branch(send_socket)[{index}])"] = None
        variables["$branch(count)"] = len(beside)
        self.variables = variables
        self.fake = FakeKsr(VARIABLES)
        self.fake.answer("registrar.lookup_uri", 1)
        self.fake.answer("tm.t_on_branch", 1)
        self.written: list[tuple[str, str]] = []
        self.taken_out: list[str] = []
        self.peers = FakePeers(B, own="a")

    def rings(self) -> int:
        with install(self.fake), pytest.MonkeyPatch.context() as patch:
            # What stands beside the Request-URI is no variable of the double's.
            variables = SimpleNamespace(get=self.variables.get, sets=self._sets, unset=self._unset)
            real = location.KSR  # type: ignore[attr-defined]
            parts = {name: getattr(real, name) for name in ("registrar", "tm")}
            patch.setattr(location, "KSR", SimpleNamespace(pv=variables, **parts))
            return KamailioLocation(SETTINGS, self.peers).ring("101", DOMAIN, first=True)

    def _sets(self, name: str, value: str) -> None:
        self.written.append((name, value))

    def _unset(self, name: str) -> None:
        if name != "$fs":
            self.taken_out.append(name)


@pytest.mark.parametrize(
    ("next_hops", "count", "taken_out", "followed"),
    [
        (("",), 1, [], False),
        ((flow_at("a"),), 1, [], False),
        ((flow_at("b"),), 1, [], True),
        ((flow_at("dead"),), 0, [], True),
        (("", flow_at("dead"), flow_at("a")), 2, ["$(branch(uri)[0])"], False),
        (("", flow_at("dead"), flow_at("dead")), 1, ["$(branch(uri)[1])", "$(branch(uri)[0])"], False),
        (("", flow_at("b")), 2, [], True),
        ((flow_at("dead"), ""), 1, [], True),
    ],
)
def test_given_contacts_when_rung_then_those_of_dead_nodes_are_none_and_those_of_living_ones_are_followed(
    next_hops: tuple[str, ...], count: int, taken_out: list[str], followed: bool
) -> None:
    found = Found(*next_hops)
    assert found.rings() == count
    assert found.taken_out == taken_out
    assert found.fake.called("tm.t_on_branch") == ([(Callback.CALL_BRANCH.value,)] if followed else [])


def test_given_a_contact_that_another_node_has_taken_when_rung_then_it_leaves_by_the_socket_for_phones() -> None:
    found = Found("", flow_at("a"), "")
    found.rings()
    assert found.written == [
        ("$fs", SETTINGS.udp_socket),
        ("$(branch(send_socket)[1])", SETTINGS.udp_socket),
        ("$(branch(send_socket)[0])", "tcp:192.0.2.9:4001"),
    ]


@pytest.mark.parametrize(
    ("holder", "note", "sent", "dropped"), [("b", "", 1, 0), ("b", "10000", 1, 0), ("a", "", 0, 0), ("dead", "", 0, 1)]
)
def test_given_a_branch_when_it_is_about_to_be_sent_then_it_goes_to_the_node_that_holds_its_flow(
    holder: str, note: str, sent: int, dropped: int
) -> None:
    variables = {"$du": flow_at(holder), "$ru": "sip:101@203.0.113.5", "$avp(tenant)": DOMAIN}
    fake = FakeKsr({**VARIABLES, **variables, "$avp(answer_ms)": note or None}, callback="branch")
    fake.answer("set_drop", None)
    fake.answer("tm.t_get_branch_index", 3)
    fake.answer("pv.sets", True)
    peers = FakePeers(B, own="a")
    with install(fake):
        KamailioLocation(SETTINGS, peers).send_elsewhere()
    assert len(fake.called("set_drop")) == dropped
    assert [instance for instance, _ in peers.aimed] == [B.instance] * sent
    for _, kind, (tenant, uri, flow, answer_ms) in peers.instructed:
        assert (kind, tenant, uri) == (REACH, DOMAIN, "sip:101@203.0.113.5")
        assert flow == "tcp:203.0.113.5:4001/tcp:192.0.2.9:4001"
        assert int(answer_ms) == int(note or SETTINGS.ring_max_s * 1000) + SLACK_MS
    assert fake.called("pv.sets") == [("$avp(device_3)", "tcp:203.0.113.5:4001")] * sent
