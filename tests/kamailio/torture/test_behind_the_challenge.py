"""Torture messages past the challenge: what they ask for is done, and the other end gets what was sent.

Accounts are numbers, so the names of caller and called give way to two; credentials are added. Nothing else changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from tests.kamailio.torture.messages import MESSAGES
from tests.kamailio.torture.watch import ONE_OF_EACH, unharmed
from tests.support.node import Node
from tests.support.phone import PASSWORD, Phone
from tests.support.sip_text import SipMessage, credentials, long_name

DOMAIN = "example.com"
CALLER, CALLED = "102", "101"
BY_NAME = {message.name: message for message in MESSAGES}
OURS = ("via", "max-forwards", "route", "record-route", "contact", "content-length", "proxy-authorization")
URI = rb"sip:[^@\s<>]+@[A-Za-z0-9.-]+"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    extensions = [{"number": number, "name": number, "password": PASSWORD} for number in (CALLER, CALLED)]
    document = yaml.safe_dump({"version": 1, "domains": [{"name": DOMAIN, "extensions": extensions}]})
    with Node(tmp_path_factory.mktemp("torture"), document, environment=ONE_OF_EACH) as node:
        yield node


@pytest.fixture
def caller(node: Node) -> Iterator[Phone]:
    with Phone(node.address, CALLER, domain=DOMAIN) as phone:
        yield phone


@pytest.fixture
def called(node: Node) -> Iterator[Phone]:
    with Phone(node.address, CALLED, domain=DOMAIN) as phone:
        assert phone.registers().status == 200
        yield phone
        assert phone.asks("REGISTER", to=phone.aor, headers=[("Contact", "*"), ("Expires", "0")]).status == 200


def between_numbers(name: str, *, more: bytes = b"") -> bytes:
    """A message from CALLER to CALLED. more: what follows the host in the Request-URI."""
    raw = BY_NAME[name].raw()
    method, _, rest = raw.partition(b" ")
    uri, _, rest = rest.partition(b" SIP/2.0")
    user = CALLER if method == b"REGISTER" else CALLED
    for pattern, number in (
        (rb"(?im)^((?:from|f)\s*:[^\r]*?)" + URI, CALLER),
        (rb"(?im)^((?:to|t)\s*:[^\r]*?)" + URI, user),
    ):
        rest, count = re.subn(pattern, rb"\1sip:" + f"{number}@{DOMAIN}".encode(), rest, count=1)
        assert count == 1, pattern
    target = uri if method == b"REGISTER" else f"sip:{CALLED}@{DOMAIN}".encode() + more
    return b"%b %b SIP/2.0%b" % (method, target, rest)


def proven(phone: Phone, raw: bytes) -> bytes:
    """The same with credentials."""
    phone.sends(raw)
    challenge = phone.expects(lambda m: m.status in (401, 407), "a challenge")
    start, _, rest = raw.partition(b"\r\n")
    method, uri = start.decode("utf-8", "surrogateescape").split(" ")[:2]
    name, value = credentials(challenge, user=CALLER, password=PASSWORD, realm=DOMAIN, method=method, uri=uri)
    return start + f"\r\n{name}: {value}\r\n".encode("utf-8", "surrogateescape") + rest


def fields(message: SipMessage) -> list[tuple[str, str]]:
    """The header fields that a proxy has nothing to do with. A folded Contact is two in the eyes of a test phone."""
    return [(name, value) for name, value in message.headers if long_name(name) not in OURS and name != "<sip"]


def without_source(via: str) -> str:
    """RFC 3581 §4: what a proxy adds to a Via."""
    return re.sub(r";(rport(=\d+)?|received=[\d.]+)", "", via)


# Messages that a proxy forwards, whatever it thinks of them; what of the Request-URI follows the host.
FORWARDED = {
    name: b"?Route=%3Csip:example.com%3E" if name == "escruri" else b""
    for name in (
        *("intmeth", "esc01", "esc02", "lwsdisp", "longreq", "transports", "mpart01"),
        *("trws", "escruri", "baddate", "badaspec", "badbranch", "invut", "sdp01", "inv2543"),
    )
}


@pytest.mark.parametrize("name", FORWARDED)
def test_given_a_torture_message_with_credentials_when_it_is_sent_then_the_other_end_gets_it_whole(
    name: str, node: Node, caller: Phone, called: Phone
) -> None:
    raw = between_numbers(name, more=FORWARDED[name])
    sent = SipMessage.parse(raw)
    with unharmed(node, DOMAIN):
        caller.sends(proven(caller, raw))
        got = called.expects(lambda m: m.status == 0, "what was sent")
        called.replies(got, 486, tag="called")
        answer = caller.expects(lambda m: m.status >= 200, "the answer")

        assert answer.status == 486
        assert [without_source(via) for via in answer.all("Via")] == [without_source(via) for via in sent.all("Via")]
        if sent.method == "INVITE":
            caller.sends(acknowledges(raw, answer))
    assert (got.method, got.uri, got.body) == (sent.method, called.contact, sent.body)
    assert [without_source(via) for via in got.all("Via")[1:]] == [without_source(via) for via in sent.all("Via")]
    hops = int(sent["Max-Forwards"]) if "Max-Forwards" in sent else 71
    assert int(got["Max-Forwards"]) == min(hops - 1, 70)
    assert fields(got) == fields(sent)


def acknowledges(raw: bytes, answer: SipMessage) -> bytes:
    """RFC 3261 §17.1.1.3."""
    method = raw.partition(b" ")[0]
    head = raw.partition(b"\r\n\r\n")[0] + b"\r\n"
    head = head.replace(method, b"ACK", 1).replace(b" " + method, b" ACK")
    head = re.sub(rb"(?im)^(content-length|l|content-type|c)\s*:.*\r\n", b"", head)
    to = answer["To"].encode("utf-8", "surrogateescape")
    return (
        re.sub(rb"(?im)^((?:to|t)\s*:).*\r\n", lambda m: m[1] + b" " + to + b"\r\n", head)
        + b"Content-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("name", "contacts"),
    [
        ("escnull", ["sip:%00@host5.example.com", "sip:%00%00@host5.example.com"]),
        ("dblreq", ["sip:j.user@host.example.com"]),
        ("cparam01", ["sip:+19725552222@gw1.example.net"]),
        ("cparam02", ["sip:+19725552222@gw1.example.net;unknownparam"]),
        ("regescrt", ["sip:user@example.com?Route=%3Csip:sip.example.com%3E"]),
        ("regaut01", []),
    ],
)
def test_given_a_torture_register_with_credentials_when_it_is_sent_then_its_contacts_are_bound(
    name: str, contacts: list[str], node: Node, caller: Phone, called: Phone
) -> None:
    with unharmed(node, DOMAIN):
        caller.sends(proven(caller, between_numbers(name)))
        answer = caller.expects(lambda m: m.status >= 200, "the answer")

        assert answer.status == 200
        assert re.findall("<([^>]+)>", " ".join(answer.all("Contact"))) == contacts
        unregister = caller.asks("REGISTER", to=caller.aor, headers=[("Contact", "*"), ("Expires", "0")])
        assert unregister.status == 200
    # What follows a REGISTER in its datagram is nobody's.
    called.hears()
    assert [m.start for m in called.inbox] == []


def test_given_a_contact_with_a_question_mark_outside_of_brackets_when_registered_then_it_gets_400(
    node: Node, caller: Phone
) -> None:
    """RFC 4475 §3.1.2.13: is it the URI's, or the header field's?"""
    with unharmed(node, DOMAIN):
        caller.sends(proven(caller, between_numbers("regbadct")))
        assert caller.expects(lambda m: m.status >= 200, "the answer").status == 400
    assert "AOR:: 102" not in node.kamcmd("ul.dump")


def test_given_a_number_with_parameters_in_the_user_part_when_called_then_the_number_is_called(
    node: Node, caller: Phone, called: Phone
) -> None:
    """RFC 4475 §3.1.1.9. Accounts are numbers: what follows one is of a telephone-subscriber (RFC 3261 §19.1.6)."""
    raw = between_numbers("semiuri").replace(b"sip:101@", b"sip:101;par=u%40example.net@", 1)
    with unharmed(node, DOMAIN):
        caller.sends(proven(caller, raw))
        called.replies(called.expects(lambda m: m.method == "OPTIONS", "OPTIONS"), 200, tag="called")
        assert caller.expects(lambda m: m.status >= 200, "the answer").status == 200


@pytest.mark.parametrize("name", ["unreason", "noreason"])
def test_given_a_torture_answer_when_a_phone_gives_it_then_the_caller_gets_it_as_it_is(
    name: str, node: Node, caller: Phone, called: Phone
) -> None:
    """RFC 4475 §3.1.1.12, §3.1.1.13; a 100 goes no further, so the one without a reason becomes 180."""
    start = BY_NAME[name].raw().partition(b"\r\n")[0].replace(b" 100 ", b" 180 ")
    with unharmed(node, DOMAIN):
        call = caller.dials(CALLED)
        got = called.rung()
        called.sends(start + answer_to(got.invite, tag=got.tag, contact=called.contact))
        assert call.expects(180, 200).start == start.decode()
        if name == "unreason":
            dialog = call.dialog(caller.came[-1])
            got.dialog()
            dialog.ends(called)
        else:
            got.answers(486)
            assert call.ends_with().status == 486


def answer_to(request: SipMessage, *, tag: str, contact: str, more: bytes = b"") -> bytes:
    """What follows the status line of an answer without a body."""
    kept = [
        f"{n}: {v}" for n, v in request.headers if long_name(n) in ("via", "from", "call-id", "cseq", "record-route")
    ]
    lines = [*kept, f"To: {request['To']};tag={tag}", f"Contact: <{contact}>", "Content-Length: 0", "", ""]
    return ("\r\n" + "\r\n".join(lines)).encode() + more


# RFC 3261 §18.3: on a stream, what follows the body of a datagram would be a message of its own, from the node.


def test_given_a_request_with_a_second_one_behind_it_when_the_called_phone_is_on_a_stream_then_it_gets_only_the_first(
    node: Node, caller: Phone
) -> None:
    with unharmed(node, DOMAIN), Phone(node.address, CALLED, domain=DOMAIN, transport="tcp") as called:
        assert called.registers().status == 200
        first = caller.requests("MESSAGE", called.aor, body="one", headers=[("Content-Type", "text/plain")])
        second = caller.requests("MESSAGE", called.contact, body="two", headers=[("Content-Type", "text/plain")])
        raw = proven(caller, first.encode())
        caller.sends(raw + second.encode())

        got = called.expects(lambda m: m.method == "MESSAGE", "the first")
        called.replies(got, 200, tag="called")
        assert caller.expects(lambda m: m.status >= 200, "the answer").status == 200
        called.hears()
        assert [m.body for m in called.came if m.method == "MESSAGE"] == ["one"]


def test_given_an_answer_with_a_request_behind_it_when_the_caller_is_on_a_stream_then_he_gets_only_the_answer(
    node: Node, called: Phone
) -> None:
    with unharmed(node, DOMAIN), Phone(node.address, CALLER, domain=DOMAIN, transport="tcp") as caller:
        call = caller.dials(CALLED)
        got = called.rung()
        smuggled = called.requests("MESSAGE", caller.contact, body="two", headers=[("Content-Type", "text/plain")])
        called.sends(
            b"SIP/2.0 486 Busy Here"
            + answer_to(got.invite, tag=got.tag, contact=called.contact, more=smuggled.encode())
        )

        assert call.ends_with().status == 486
        caller.hears()
        assert [m.start for m in caller.came if not m.status] == []
