"""Malformed SIP: the 4xx that RFC 3261 names, or silence; the node lives and no handler raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.kamailio.test_requests import lives
from tests.support.phone import Phone
from tests.support.phone_calls import Incoming, Outgoing
from tests.support.sip_text import sdp
from tests.support.talks import ring, take_over, talk
from tests.support.tenants import Tenant

Spoil = Callable[[str], str | bytes]


def without(header: str) -> Spoil:
    return lambda text: re.sub(rf"(?m)^{header}: .*\r\n", "", text, count=1)


def instead(pattern: str, replacement: str) -> Spoil:
    def spoil(text: str) -> str:
        spoiled, count = re.subn(pattern, lambda _: replacement, text, count=1)
        assert count, pattern
        return spoiled

    return spoil


def with_bytes(marker: str, odd: bytes) -> Spoil:
    """Put bytes that are no UTF-8 after a marker."""
    return lambda text: text.encode().replace(marker.encode(), marker.encode() + odd, 1)


# What the node must say, 0 for nothing: RFC 3261 §21.4.1, §8.1.1, §16.3, §18.3.
MESSAGES: dict[str, tuple[Spoil, set[int]]] = {
    "no Via": (without("Via"), {0}),
    "no From": (without("From"), {0, 400}),
    "no To": (without("To"), {0, 400}),
    "no Call-ID": (without("Call-ID"), {0, 400}),
    "no CSeq": (without("CSeq"), {0, 400}),
    "a CSeq that is no number": (instead("CSeq: 1 ", "CSeq: one "), {400}),
    "a CSeq beyond 32 bits": (instead("CSeq: 1 ", "CSeq: 36893488147419103232 "), {400}),
    "a CSeq of another method": (instead("CSeq: 1 INVITE", "CSeq: 1 OPTIONS"), {400}),
    "a negative Content-Length": (instead("Content-Length: 0", "Content-Length: -1"), {0, 400}),
    "a Content-Length beyond the datagram": (instead("Content-Length: 0", "Content-Length: 9999"), {400}),
    "a Content-Length that is no number": (instead("Content-Length: 0", "Content-Length: many"), {0, 400}),
    "a From that is no address": (instead("From: .*\r", "From: garbage\r"), {400}),
    "a To that is no address": (instead("To: .*\r", "To: <not an address>\r"), {0, 400, 407}),
    "a Via that is none": (instead("Via: .*\r", "Via: garbage\r"), {0, 400}),
    "an Expires that is no number": (instead("Max-Forwards", "Expires: soon\r\nMax-Forwards"), {400}),
    "negative hops": (instead("Max-Forwards: 70", "Max-Forwards: -1"), {400, 483}),
    "a Request-URI of no known scheme": (instead("INVITE sip:", "INVITE nobody:"), {400, 416}),
    "a Request-URI in brackets": (instead(r"INVITE (\S+)", "INVITE <sip:101@x.example.com>"), {400}),
    "an extra blank in the start line": (instead("INVITE ", "INVITE  "), {0, 400}),
    "no version": (instead(r" SIP/2\.0\r\nVia", "\r\nVia"), {0, 400}),
    "another version": (instead(r" SIP/2\.0\r\nVia", " SIP/3.0\r\nVia"), {0, 505}),
    "NUL in the Call-ID": (instead("Call-ID: ", "Call-ID: a\x00b"), {0, 400, 407}),
    "NUL in the Request-URI": (instead("sip:101@", "sip:1\x0001@"), {0, 400, 407}),
    "a header of 40,000 characters": (
        instead("Max-Forwards", f"X-Big: {'a' * 40000}\r\nMax-Forwards"),
        {400, 407, 513},
    ),
    "3,000 headers": (instead("Max-Forwards", "X-B: a\r\n" * 3000 + "Max-Forwards"), {0, 400, 407, 513}),
    "a Request-URI of 20,000 digits": (instead("sip:101@", f"sip:{'1' * 20000}@"), {400, 407, 414}),
    "200 Vias": (
        instead("Via", "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\n" * 200 + "Via"),
        {0, 400, 407},
    ),
    "a Call-ID that is no UTF-8": (with_bytes("Call-ID: ", b"\xe9\xff"), {400, 407}),
    "a From tag that is no UTF-8": (with_bytes(";tag=", b"\xe9\xff"), {400, 407}),
    "a display name that is no UTF-8": (with_bytes('From: "', b"\xe9\xff"), {400, 407}),
    "a From user that is no UTF-8": (with_bytes("<sip:10", b"\xe9"), {400, 407}),
    "a host that is no UTF-8": (with_bytes("INVITE sip:101@t", b"\xe9"), {400}),
    "nothing but line ends": (lambda _: "\r\n\r\n", {0}),
    "words": (lambda _: "hello, is anybody there?\r\n\r\n", {0}),
    "random bytes": (lambda _: bytes(range(256)) * 20, {0}),
    "half a message": (lambda text: text[: len(text) // 2], {0, 400}),
    "an answer to nothing": (instead("INVITE .*\r", "SIP/2.0 200 OK\r"), {0}),
    "an answer with an impossible code": (instead("INVITE .*\r", "SIP/2.0 4294967301 OK\r"), {0}),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_given_a_malformed_message_when_sent_then_it_gets_its_4xx_or_silence_and_the_node_lives(
    name: str, tenant: Tenant
) -> None:
    spoil, allowed = MESSAGES[name]
    phone = tenant.phone("104")
    phone.sends(spoil(phone.requests("INVITE", f"sip:101@{tenant.domain}")))

    if 0 not in allowed:
        first = phone.expects(lambda m: m.status > 100, "an answer")
        assert first.status in allowed, first.start
    lives(phone)

    heard = {message.status for message in phone.inbox if message.status != 100}
    assert heard <= allowed, [message.start for message in phone.inbox]


@pytest.mark.parametrize(
    ("marker", "odd"),
    [
        ("Call-ID: ", b"\xe9\xff"),
        (";tag=", b"\xe9\xff"),
        ('From: "', b"\xe9\xff"),
        ("Supported: ", b"\xe9"),
        ("<sip:10", b"\xe9"),
        ("Contact: <sip:10", b"\xe9"),
        ("Call-ID: ", b"a\0"),
        (";tag=", b"a\0"),
    ],
)
@pytest.mark.parametrize("dialled", ["101", "*87101"])
def test_given_good_credentials_when_a_call_is_not_utf_8_then_it_gets_an_answer_and_the_node_lives(
    marker: str, odd: bytes, dialled: str, tenant: Tenant
) -> None:
    tenant.phone("101", register=True)
    phone = tenant.phone("103")
    call = Outgoing(phone, f"sip:{dialled}@{tenant.domain}", [("Supported", "replaces")], sdp())
    call.invites()
    proof = phone.proves(call.expects(407), "INVITE", call.uri)
    call.via = phone.via()
    text = phone.requests(
        "INVITE",
        call.uri,
        call_id=call.call_id,
        tag=call.tag,
        cseq=2,
        via=call.via,
        headers=[*call.headers, proof],
    )
    raw = with_bytes(marker, odd)(text)
    phone.sends(raw)

    answer = phone.expects(lambda m: m.status >= 100 and m["CSeq"] == "2 INVITE", "an answer")

    assert answer.status in (100, 400, 403, 404, 480), answer.start
    lives(phone)


@pytest.mark.parametrize(
    "body", [b"v=0\r\ns=caf\xe9\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n", b"\x00\xff" * 20]
)
def test_given_a_body_that_is_no_utf_8_when_called_then_the_callee_gets_it_as_it_is(
    body: bytes, tenant: Tenant
) -> None:
    """RFC 3261 §7.4: what a body holds is no business of a proxy."""
    bob = tenant.phone("101", register=True)
    tenant.phone("104").dials("101", body=body.decode("utf-8", "surrogateescape"))

    assert bob.rung().invite.body.encode("utf-8", "surrogateescape") == body


def test_given_half_a_message_on_a_connection_when_it_is_closed_then_the_node_lives(tenant: Tenant) -> None:
    phone = tenant.phone("104", transport="tcp")
    text = phone.requests("INVITE", f"sip:101@{tenant.domain}")
    phone.sends(text[: len(text) // 2])
    phone.close()

    lives(tenant.phone("105"))


def test_given_a_negative_length_on_a_connection_when_sent_then_the_node_lives(tenant: Tenant) -> None:
    phone: Phone = tenant.phone("104", transport="tcp")
    phone.sends(phone.requests("INVITE", f"sip:101@{tenant.domain}").replace("Content-Length: 0", "Content-Length: -5"))

    lives(tenant.phone("105"))


def odd_answer(bob: Phone, rings: Incoming, marker: bytes, odd: bytes = b"\xff") -> None:
    """The called phone answers with something odd (a byte that is no UTF-8) after a marker."""
    said: list[bytes] = []
    with monkeypatched(bob, said):
        rings.answers(200)
    (answer,) = said
    assert marker in answer
    bob.sends(answer.replace(marker, marker + odd, 1))


@contextmanager
def monkeypatched(phone: Phone, said: list[bytes]) -> Iterator[None]:
    """What a phone would send is kept instead."""
    sends = phone.sends
    phone.sends = lambda message: said.append(message if isinstance(message, bytes) else message.encode())  # type: ignore[method-assign]
    try:
        yield
    finally:
        phone.sends = sends  # type: ignore[method-assign]


@pytest.mark.parametrize("marker", [b"Contact: <sip:", b"Record-Route: <sip:", b"Because"])
def test_given_an_answer_with_a_byte_that_is_no_utf_8_when_it_passes_then_the_call_rings_for_no_picker_any_more(
    marker: bytes, tenant: Tenant
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    ringing = ring(alice, bob)
    odd_answer(bob, ringing.inbound, marker)

    assert ringing.outgoing.expects(200).status == 200
    assert carol.dials("*87101").ends_with().status == 410


@pytest.mark.parametrize("marker", [b"Contact: <sip:101@127.0.0.1:", b"CSeq: "])
def test_given_an_answer_with_a_number_of_5000_digits_when_it_passes_then_the_call_rings_for_no_picker_any_more(
    marker: bytes, tenant: Tenant
) -> None:
    """Python makes no int of so many (sys.int_info)."""
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    ringing = ring(alice, bob)
    odd_answer(bob, ringing.inbound, marker, b"9" * 5000)
    ringing.outgoing.expects(200)

    assert carol.dials("*87101").ends_with().status == 410
    assert "Traceback" not in tenant.node.log()


def test_given_a_nul_in_the_route_when_a_bye_comes_then_400_and_the_talk_goes_on(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    talks, other = talk(alice, bob)
    said: list[bytes] = []
    with monkeypatched(alice, said):
        talks.sends("BYE")
    alice.sends(said[0].replace(b"Route: <sip:", b"Route: <sip:1\x00", 1))
    assert alice.expects(lambda m: m.method == "BYE" and m.status > 0, "an answer").status == 400
    assert "Traceback" not in tenant.node.log()
    other.ends(alice)


@pytest.mark.parametrize("odd", ["Call-ID", "From"])
def test_given_an_answer_in_the_name_of_another_call_when_it_comes_then_it_does_not_pass_and_the_other_rings_on(
    odd: str, tenant: Tenant
) -> None:
    """RFC 3261 §8.2.6.2."""
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    called, caller = tenant.phone("102", register=True), tenant.phone("105")
    ringing, own = ring(alice, bob), ring(caller, called)
    said: list[bytes] = []
    with monkeypatched(called, said):
        own.inbound.answers(200)
    names = {"Call-ID": own.outgoing.call_id, "From": own.outgoing.tag}
    others = {"Call-ID": ringing.outgoing.call_id, "From": ringing.outgoing.tag}
    called.sends(said[0].replace(names[odd].encode(), others[odd].encode()))
    both = said[0]
    for name, value in names.items():
        both = both.replace(value.encode(), others[name].encode())
    called.sends(both)
    lives(caller)

    assert not any(m.status == 200 and m.method == "INVITE" for m in caller.came)
    take_over(ringing, carol, "*87101").ends(alice)
    own.ends()


def test_given_an_answer_whose_tag_is_no_token_when_it_comes_then_it_does_not_pass(tenant: Tenant) -> None:
    """RFC 3261 §25.1."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    ringing = ring(alice, bob)
    odd_answer(bob, ringing.inbound, b";tag=" + ringing.inbound.tag.encode())
    lives(alice)

    assert not any(m.status == 200 and m.method == "INVITE" for m in alice.came)
    ringing.ends()
