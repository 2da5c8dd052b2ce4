"""The adapter to a request's way by the node itself, against the strict double of KSR."""

from __future__ import annotations

import pytest

from kemi.sip.flow import Flow
from tests.support.fake_ksr import install
from tests.unit.ksr.kamailio import kamailio

with install():
    from kemi.ksr.spiral import HOST, NEXT_HOP, KamailioSpiral

PORT = 5059
HERE = f"sip:{HOST}:{PORT};transport=udp"
NEXT = Flow("tcp", "192.0.2.9", 5090, "tcp:192.0.2.1:5060")


def spiral() -> KamailioSpiral:
    return KamailioSpiral(PORT)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("7:42", (7, 42)), ("2147483647:2147483648", (2147483647, -2147483648)), ("65535:4294967295", (65535, -1))],
)
def test_given_a_transaction_when_a_branch_is_added_then_its_unsigned_numbers_fit_and_the_device_is_forgotten_again(
    name: str, numbers: tuple[int, int]
) -> None:
    with kamailio() as fake:
        fake.answer("registrar.save_uri", 1)
        fake.answer("tsilo.ts_append_to_uri", 1)
        fake.answer("registrar.unregister", 1)
        assert spiral().add_branch(name)
        ((table, _, saved),) = fake.called("registrar.save_uri")
        assert fake.called("tsilo.ts_append_to_uri") == [(*numbers, table, saved)]
        assert fake.called("registrar.unregister") == [(table, saved)]
        assert table != "location", "nobody's registration is touched"
        assert fake.pv.get("$avp(received)") is None


def test_given_two_devices_when_each_is_added_then_neither_gets_the_other_s_call() -> None:
    with kamailio() as fake:
        fake.answer("registrar.save_uri", 1)
        fake.answer("tsilo.ts_append_to_uri", 1)
        fake.answer("registrar.unregister", 1)
        for _ in range(2):
            spiral().add_branch("7:42")
        one, other = (saved for *_, saved in fake.called("registrar.save_uri"))
        assert one != other


@pytest.mark.parametrize("answer", [0, -1, -2])
def test_given_a_transaction_that_has_ended_when_a_branch_is_to_be_added_then_it_is_false_and_nothing_is_left(
    answer: int,
) -> None:
    with kamailio() as fake:
        fake.answer("registrar.save_uri", 1)
        fake.answer("tsilo.ts_append_to_uri", answer)
        fake.answer("registrar.unregister", 1)
        assert not spiral().add_branch("7:42")
        assert len(fake.called("registrar.unregister")) == 1
        assert fake.pv.get("$avp(received)") is None


def test_given_a_contact_that_cannot_be_kept_when_a_branch_is_to_be_added_then_nothing_is_appended() -> None:
    with kamailio() as fake:
        fake.answer("registrar.save_uri", -1)
        assert not spiral().add_branch("7:42")
        assert fake.called("tsilo.ts_append_to_uri") == []


def test_given_a_target_when_aimed_at_by_this_node_then_only_the_next_hop_is_the_node() -> None:
    with kamailio() as fake:
        spiral().aim("sip:103@192.0.2.3:5073")
        fake.tm.t_relay()
        (relay,) = fake.relays
        assert (relay.uri, relay.dst_uri) == ("sip:103@192.0.2.3:5073", HERE)


def test_given_a_request_of_the_node_s_own_when_begun_then_it_leaves_whole_and_says_where_it_goes_on() -> None:
    headers = ("From: <sip:a>;tag=1", "To: <sip:b>;tag=2", "Call-ID: x", "CSeq: 315 BYE", "Route: <sip:edge;lr>")
    with kamailio() as fake:
        fake.answer("corex.sendx", 1)
        spiral().begin("BYE", "sip:101@192.0.2.9:5090", NEXT, headers)
        ((where, socket, text),) = fake.called("corex.sendx")
        assert (where, socket) == (HERE, f"udp:{HOST}:{PORT}")
        first, via, *lines = text.split("\r\n")
        assert first == "BYE sip:101@192.0.2.9:5090 SIP/2.0"
        assert via.startswith(f"Via: SIP/2.0/UDP {HOST}:{PORT};branch=z9hG4bK")
        *others, where, length, end, body = lines
        assert (others, length, end, body) == ([*headers, "Max-Forwards: 70"], "Content-Length: 0", "", "")
        assert where.startswith(f"{NEXT_HOP}: ")
        assert where.endswith(f" {NEXT}")


def test_given_a_body_when_a_request_is_begun_then_its_length_is_counted_in_bytes() -> None:
    with kamailio() as fake:
        fake.answer("corex.sendx", 1)
        spiral().begin("NOTIFY", "sip:103@192.0.2.9:5090", NEXT, ("CSeq: 1 NOTIFY",), "Zoë\r\n\r\n")
        ((_, _, text),) = fake.called("corex.sendx")
        head, _, body = text.partition("\r\n\r\n")
        assert (head.splitlines()[-1], body) == ("Content-Length: 8", "Zoë\r\n\r\n")


def test_given_any_other_request_when_it_comes_round_then_it_goes_nowhere_by_itself() -> None:
    with kamailio() as fake:
        assert not spiral().goes_on()
        assert fake.called("hdr.remove") == []


@pytest.mark.parametrize(
    ("own_port", "source_is_here", "returned"), [(PORT, True, True), (PORT, False, False), (5060, True, False)]
)
def test_given_a_request_when_asked_then_only_one_from_this_node_to_its_own_socket_has_come_round(
    own_port: int, source_is_here: bool, returned: bool
) -> None:
    with kamailio(**{"$Rp": own_port}) as fake:
        fake.answer("is_myself", source_is_here)
        assert spiral().is_return() is returned


@pytest.mark.parametrize(
    ("address", "port", "here"), [(HOST, PORT, True), (HOST, 5060, False), ("192.0.2.9", PORT, False)]
)
def test_given_a_reply_when_asked_then_only_one_from_the_node_s_own_socket_went_by_this_way(
    address: str, port: int, here: bool
) -> None:
    of_reply: dict[str, str | int | None] = {"$si": address, "$sp": port}
    with kamailio(**of_reply):
        assert spiral().is_from_here() is here
