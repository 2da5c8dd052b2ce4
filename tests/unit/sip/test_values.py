"""The small values of kemi.sip: flows, URIs, dialogs, Replaces."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId, Replaces
from kemi.sip.flow import Flow
from kemi.sip.uri import hop_of, user_and_host, user_host_port

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
PORTS = st.integers(1, 65535)
TRANSPORTS = st.sampled_from(["udp", "tcp", "tls", "ws", "wss"])
TEXTS = (
    st.text(max_size=12)
    | st.text("a:0-1|", max_size=6)
    | st.binary(max_size=6).map(lambda b: b.decode("utf-8", "surrogateescape"))
)

# Flow


@given(TRANSPORTS, ADDRESSES, PORTS, ADDRESSES, PORTS)
def test_given_any_flow_when_written_and_read_then_it_is_the_same(
    transport: str, ip: str, port: int, here: str, own_port: int
) -> None:
    flow = Flow(transport, ip, port, f"{transport}:{here}:{own_port}")
    assert Flow.parse(str(flow)) == flow


@pytest.mark.parametrize("text", ["", "udp", "udp:", "udp:192.0.2.1", "udp:192.0.2.1:", "udp:192.0.2.1:sip/x"])
def test_given_text_that_is_no_flow_when_read_then_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        Flow.parse(text)


def test_given_a_flow_when_its_next_hop_is_asked_then_ipv6_stands_in_brackets() -> None:
    assert Flow("udp", "192.0.2.4", 5070, "s").uri == "sip:192.0.2.4:5070;transport=udp"
    assert Flow("tcp", "2001:db8::4", 5070, "s").uri == "sip:[2001:db8::4]:5070;transport=tcp"


def test_given_two_connections_of_one_host_when_named_then_they_are_two_devices() -> None:
    one, other = Flow("tcp", "192.0.2.4", 5070, "s"), Flow("tcp", "192.0.2.4", 5071, "s")
    assert one.device != other.device
    assert one.device == Flow("tcp", "192.0.2.4", 5070, "another").device


# URI


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("sip:101@pbx.example.com", ("101", "pbx.example.com")),
        ("sips:101@PBX.example.COM:5061;transport=tls?a=b", ("101", "pbx.example.com")),
        ("SIP:101@pbx.example.com", ("101", "pbx.example.com")),
        ("sip:101:secret@pbx.example.com", ("101", "pbx.example.com")),
        ("sip:pbx.example.com", ("", "pbx.example.com")),
        ("sip:101@[2001:DB8::1]:5060;lr", ("101", "[2001:db8::1]")),
        ("sip:a@b@pbx.example.com", ("a@b", "pbx.example.com")),
        (" sip:101@pbx.example.com ", ("101", "pbx.example.com")),
        ("tel:+15550100", ("", "")),
        ("101@pbx.example.com", ("", "")),
        ("", ("", "")),
        ("sip:", ("", "")),
    ],
)
def test_given_a_uri_when_taken_apart_then_user_and_lower_case_host_come_out(uri: str, parts: tuple[str, str]) -> None:
    assert user_and_host(uri) == parts


@given(st.text() | st.text("sip:@[];?.a"))
def test_given_any_text_when_taken_apart_then_nothing_is_raised(text: str) -> None:
    user, host = user_and_host(f"sip:{text}")
    assert host == host.lower()
    assert isinstance(user, str)


def test_given_an_address_of_record_when_written_then_it_is_a_sip_uri() -> None:
    assert Aor("101", "pbx.example.com").uri == "sip:101@pbx.example.com"
    assert str(Aor("101", "pbx.example.com")) == "101@pbx.example.com"


@given(TEXTS | st.text("udp:/[]0123456789", max_size=20))
def test_given_any_text_when_read_as_a_flow_then_it_is_one_or_value_error(text: str) -> None:
    try:
        flow = Flow.parse(text)
    except ValueError:
        return
    assert Flow.parse(str(flow)) == flow


# DialogId


@given(TEXTS, TEXTS)
def test_given_any_bytes_when_a_dialog_is_named_then_its_key_is_twenty_safe_characters(call_id: str, tag: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{20}", DialogId(call_id, tag).key)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_given_two_dialogs_when_named_then_their_keys_are_equal_only_when_they_are(
    call_id: str, tag: str, other_id: str, other_tag: str
) -> None:
    one, other = DialogId(call_id, tag), DialogId(other_id, other_tag)
    assert (one.key == other.key) == (one == other)


@given(st.text("0123456789:ab", min_size=1, max_size=10), st.data())
def test_given_one_text_when_it_is_cut_elsewhere_into_call_id_and_tag_then_the_key_differs(
    text: str, data: st.DataObject
) -> None:
    cut, other = (data.draw(st.integers(0, len(text))) for _ in range(2))
    keys = {DialogId(text[:at], text[at:]).key for at in (cut, other)}
    assert len(keys) == len({cut, other})


def test_given_one_call_id_with_another_tag_when_named_then_it_is_another_call() -> None:
    assert DialogId("a", "1").key != DialogId("a", "2").key


# Replaces


def test_given_a_call_when_its_replaces_is_written_then_to_tag_is_the_caller_s_and_from_tag_the_callee_s() -> None:
    """RFC 3891 §3: to-tag matches the recipient's local tag, and the recipient is the caller."""
    assert str(Replaces("a84b4c", caller_tag="caller", callee_tag="callee")) == (
        "a84b4c;to-tag=caller;from-tag=callee;early-only"
    )


def test_given_a_confirmed_dialog_when_its_replaces_is_written_then_early_only_can_be_left_out() -> None:
    assert str(Replaces("a84b4c", "caller", "callee", early_only=False)) == "a84b4c;to-tag=caller;from-tag=callee"


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("sip:101@192.0.2.1:5060;transport=tcp;ob?Subject=x@y", "101@192.0.2.1:5060"),
        ("SIPS:Alice:secret@Phone.Example.COM", "Alice@phone.example.com"),
        ("sip:[2001:DB8::1]:5070;lr", "[2001:db8::1]:5070"),
        ("sip:+15550100;phone-context=a@b.example", "+15550100;phone-context=a@b.example"),
        ("sip:192.0.2.1", "192.0.2.1"),
        ("tel:+15550100", ""),
        ("", ""),
        ("*", ""),
    ],
)
def test_given_a_uri_when_its_place_is_read_then_only_what_names_a_device_is_left(uri: str, place: str) -> None:
    assert user_host_port(uri) == place


@given(TEXTS)
def test_given_any_text_when_its_place_is_read_then_nothing_is_raised(text: str) -> None:
    assert isinstance(user_host_port("sip:" + text), str)


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:104@192.0.2.4:5070", ("192.0.2.4", 5070, "udp")),
        ("sip:192.0.2.4", ("192.0.2.4", 5060, "udp")),
        ("SIP:104@PBX.example.com;transport=TCP", ("pbx.example.com", 5060, "tcp")),
        ("sip:104@[2001:DB8::4]:5070;transport=tcp;x", ("2001:db8::4", 5070, "tcp")),
        ("sip:104@[2001:db8::4]", ("2001:db8::4", 5060, "udp")),
        ("sips:104@192.0.2.4", ("192.0.2.4", 5061, "tls")),
        ("sip:104;x=y@192.0.2.4:5070;transport=ws?subject=a@b", ("192.0.2.4", 5070, "ws")),
        (f"sip:104@192.0.2.4:{'9' * 5000}", ("192.0.2.4", 5060, "udp")),
        ("tel:+1555", ("", 0, "")),
        ("*", ("", 0, "")),
        ("", ("", 0, "")),
    ],
)
def test_given_a_uri_when_asked_where_it_leads_then_host_port_and_transport_are_those_of_rfc_3261(
    uri: str, hop: tuple[str, int, str]
) -> None:
    assert hop_of(uri) == hop


@given(TEXTS)
def test_given_any_text_when_asked_where_it_leads_then_nothing_is_raised(text: str) -> None:
    for uri in (text, f"sip:{text}", f"sip:a@{text}:5060;{text}"):
        assert len(hop_of(uri)) == 3


@given(TRANSPORTS, ADDRESSES, PORTS)
def test_given_an_address_when_a_uri_names_it_then_it_leads_there_by_that_transport_and_a_flow_knows_streams(
    transport: str, ip: str, port: int
) -> None:
    host = f"[{ip}]" if ":" in ip else ip
    assert hop_of(f"sip:104@{host}:{port};transport={transport}") == (ip, port, transport)
    assert Flow(transport, ip, port, "s").is_stream is (transport != "udp")


def test_given_a_secure_websocket_when_its_uri_is_written_then_it_says_ws() -> None:
    """RFC 7118 §5.2."""
    assert Flow("wss", "192.0.2.4", 40000, "tls:192.0.2.1:443").uri == "sip:192.0.2.4:40000;transport=ws"
