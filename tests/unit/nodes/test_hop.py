"""The seal of a request that one node sends another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kemi.nodes.hop import WITHIN_MS, Envelope, Instruction, opened, seal
from kemi.nodes.peer import Known, Peer

NOW_MS = 1_800_000_000_000
A, B = Peer("a", "1", "udp:192.0.2.1:5060"), Peer("b", "2", "udp:192.0.2.2:5060")
KNOWN = Known("s3cret", 0, (A, B))
ENVELOPE = Envelope("INVITE", "call-1", "tag-1", "7")


def sealed(known: Known = KNOWN, *, to: str = A.instance, now_ms: int = NOW_MS) -> str:
    return seal(known, ENVELOPE, "pickup", ("Zoë", "k\n"), sender=B.instance, to=to, now_ms=now_ms, nonce="n1")


def test_given_a_sealed_instruction_when_its_node_opens_it_then_it_reads_what_was_asked_and_by_whom() -> None:
    assert opened(KNOWN, ENVELOPE, sealed(), to=A.instance, now_ms=NOW_MS + 5) == Instruction(
        "pickup", ("Zoë", "k\n"), B.instance, "n1"
    )


def test_given_any_text_when_it_is_sealed_then_it_is_one_line_of_ascii() -> None:
    assert sealed().isascii()
    assert sealed().isprintable()


@pytest.mark.parametrize(
    "envelope",
    [
        replace(ENVELOPE, method="BYE"),
        replace(ENVELOPE, call_id="call-2"),
        replace(ENVELOPE, from_tag="tag-2"),
        replace(ENVELOPE, cseq="8"),
        Envelope("INVITE", "call-1tag-1", "", "7"),
    ],
)
def test_given_a_seal_on_another_message_when_it_is_opened_then_it_is_nothing(envelope: Envelope) -> None:
    assert opened(KNOWN, envelope, sealed(), to=A.instance, now_ms=NOW_MS) is None


def test_given_a_seal_for_another_node_or_another_run_of_it_when_it_is_opened_then_it_is_nothing() -> None:
    for to in (B.instance, "a@0", "a"):
        assert opened(KNOWN, ENVELOPE, sealed(), to=to, now_ms=NOW_MS) is None


def test_given_another_secret_or_none_when_it_is_opened_then_it_is_nothing() -> None:
    for other in (replace(KNOWN, secret="guess"), replace(KNOWN, secret="")):
        assert opened(other, ENVELOPE, sealed(), to=A.instance, now_ms=NOW_MS) is None


def test_given_no_secret_yet_when_somebody_seals_with_none_then_it_is_nothing() -> None:
    nothing = replace(KNOWN, secret="")
    assert opened(nothing, ENVELOPE, sealed(nothing), to=A.instance, now_ms=NOW_MS) is None


@pytest.mark.parametrize("late_ms", [WITHIN_MS + 1, -WITHIN_MS - 1])
def test_given_a_seal_of_another_time_when_it_is_opened_then_it_is_nothing(late_ms: int) -> None:
    assert opened(KNOWN, ENVELOPE, sealed(), to=A.instance, now_ms=NOW_MS + late_ms) is None


def test_given_hosts_whose_clocks_differ_when_both_know_the_store_s_then_it_is_opened() -> None:
    here, there = replace(KNOWN, ahead_ms=90_000), replace(KNOWN, ahead_ms=-90_000)
    value = sealed(here, now_ms=NOW_MS - 90_000)
    assert opened(there, ENVELOPE, value, to=A.instance, now_ms=NOW_MS + 90_000) is not None


@pytest.mark.parametrize(
    "value", ["", "x", " ", "zz zz", "é [1]", "0" * 32 + ' ["b@2"]', sealed()[:-1], sealed() + " "]
)
def test_given_what_no_node_sealed_when_it_is_opened_then_it_is_nothing(value: str) -> None:
    assert opened(KNOWN, ENVELOPE, value, to=A.instance, now_ms=NOW_MS) is None


def test_given_what_a_node_knows_when_its_workers_read_it_then_they_know_the_same() -> None:
    assert Known.unpack(KNOWN.pack()) == KNOWN
    assert Known.unpack("") == Known()
    assert KNOWN.places == {("192.0.2.1", 5060), ("192.0.2.2", 5060)}


def test_given_a_node_on_ipv6_when_it_is_a_peer_then_its_place_and_hop_name_it() -> None:
    peer = Peer("c", "3", "udp:[2001:db8::1]:5060")
    assert peer.place == ("2001:db8::1", 5060)
    assert peer.hop == "sip:[2001:db8::1]:5060;transport=udp"
    assert Peer("d", "4", "").place == ("", 0)
