"""The adapter to the other nodes, against the strict double of KSR."""

from __future__ import annotations

import time

import pytest

from kemi.nodes.hop import HEADER, Envelope, seal
from kemi.nodes.peer import Known, Peer
from kemi.settings import Settings
from tests.support.fake_ksr import FakeKsr, install
from tests.unit.ksr.kamailio import VARIABLES, kamailio

with install():
    from kemi.ksr.peers import KamailioPeers, publish_nodes

OWN = Peer("a", "1", "udp:192.0.2.1:5060")
OTHER = Peer("b", "2", "udp:192.0.2.4:5070")
MUTE = Peer("c", "3", "")
KNOWN = Known("s3cret", 0, (OWN, OTHER, MUTE))
ENVELOPE = Envelope("INVITE", "a84b4c", "caller-tag", "314159")


def peers() -> KamailioPeers:
    return KamailioPeers(Settings(node="a", boot="1", peer=OWN.address))


def knowing(known: Known = KNOWN) -> KamailioPeers:
    publish_nodes(known.pack())
    return peers()


def put(fake: FakeKsr, **more: str) -> None:
    values = {"sender": OTHER.instance, "to": OWN.instance, "nonce": "n1", **more}
    value = seal(KNOWN, ENVELOPE, "greet", ("x",), now_ms=time.time_ns() // 1_000_000, **values)
    fake.hdr.append(f"{HEADER}: {value}\r\n")
    fake.textopsx.msg_apply_changes()


def test_given_what_a_node_knows_when_a_worker_looks_then_it_knows_who_lives_and_who_can_be_reached() -> None:
    with kamailio():
        known = knowing()
        assert known.living() == KNOWN.living
        assert known.find(OTHER.instance) == OTHER
        assert known.find(MUTE.instance) is None
        assert known.find("b@1") is None
        assert known.is_peer(OTHER.place)
        assert not known.is_peer(("192.0.2.4", 5071))
        assert known.own == "a@1"


def test_given_nothing_known_when_a_worker_looks_then_nobody_is_a_peer() -> None:
    with kamailio():
        publish_nodes("")
        alone = peers()
        assert not alone.is_peer(OTHER.place)
        assert not alone.is_peer(("", 0))
        assert alone.arrived() is None


def test_given_a_target_when_it_is_aimed_at_by_a_node_then_it_leaves_by_the_socket_that_the_other_knows() -> None:
    with kamailio() as fake:
        knowing().aim(OTHER, "sip:*87@pbx.example.com")
        fake.tm.t_relay()
        (relay,) = fake.relays
        assert (relay.uri, relay.dst_uri) == ("sip:*87@pbx.example.com", OTHER.hop)
        assert fake.pv.get("$fs") == OWN.address


def test_given_a_sealed_request_of_a_node_when_it_arrives_then_it_says_what_is_asked_once_and_goes_no_further() -> None:
    with kamailio() as fake:
        node = knowing()
        put(fake)
        asked = node.arrived()
        assert asked is not None
        assert (asked.kind, asked.words, asked.sender) == ("greet", ("x",), OTHER.instance)
        fake.textopsx.msg_apply_changes()
        assert fake.hdr.get(HEADER) is None


def test_given_a_request_that_was_heard_before_when_it_is_sent_again_then_it_asks_nothing() -> None:
    with kamailio() as fake:
        node = knowing()
        put(fake)
        assert node.arrived() is not None
        fake.textopsx.msg_apply_changes()
        put(fake)
        assert node.arrived() is None


def test_given_a_sealed_request_from_where_no_node_sends_when_it_arrives_then_it_asks_nothing() -> None:
    with kamailio(**{"$sp": 5071}) as fake:
        node = knowing()
        put(fake)
        assert node.arrived() is None


@pytest.mark.parametrize("changed", [{"$ci": "other"}, {"$ft": "other"}, {"$cs": "2"}, {"$rm": "BYE"}])
def test_given_a_seal_on_another_message_when_it_arrives_then_it_asks_nothing(changed: dict[str, str]) -> None:
    with kamailio(**changed) as fake:
        node = knowing()
        put(fake)
        assert node.arrived() is None


def test_given_an_invite_that_waits_for_a_node_when_that_answers_then_it_waits_no_more() -> None:
    with kamailio() as fake:
        node = knowing()
        node.expects(OTHER)
        ((name, value),) = fake.tables["asked"].items()
        assert name == "a84b4c::314159"
        assert value.startswith(f"{OTHER.instance} ")
        node.heard()
        assert fake.tables["asked"] == {}


def test_given_invites_that_wait_for_nodes_when_one_dies_then_those_that_it_has_had_for_long_are_answered() -> None:
    with kamailio() as fake:
        node = knowing()
        node.expects(OTHER)
        fake.tables["asked"]["a::b::7"] = f"{OTHER.instance} 1000"
        fake.tables["asked"]["another::1"] = "c@3 1000"
        answered: list[tuple[str, str, int, str]] = []
        node.end_what_waits_for(OTHER, lambda *words: answered.append(words))
        assert answered == [("a::b", "7", 480, "No Call To Pick Up")]
        # What has just been asked finds out by itself that nobody is there, and the picker goes on.
        assert set(fake.tables["asked"]) == {"a84b4c::314159", "another::1"}


def test_given_an_instruction_when_it_is_written_then_the_other_node_can_read_it_and_a_phone_s_own_is_gone() -> None:
    with kamailio() as fake:
        fake.hdr.append(f"{HEADER}: a phone wrote this\r\n")
        fake.textopsx.msg_apply_changes()
        knowing().instruct(OTHER, "greet", ("x",))
        fake.textopsx.msg_apply_changes()
        written = fake.hdr.get(HEADER)
        assert fake.hdr.get_idx(HEADER, 1) is None
    with kamailio(**{**VARIABLES, "$si": OWN.place[0], "$sp": OWN.place[1]}) as fake:
        publish_nodes(KNOWN.pack())
        there = KamailioPeers(Settings(node="b", boot="2", peer=OTHER.address))
        fake.hdr.append(f"{HEADER}: {written}\r\n")
        fake.textopsx.msg_apply_changes()
        asked = there.arrived()
        assert asked is not None
        assert (asked.kind, asked.words, asked.sender) == ("greet", ("x",), OWN.instance)
