"""Every message of RFC 4475 as it stands: the answer that messages.py says, and a node that is none the worse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.kamailio.torture.messages import CLOSED, FOLDER, MESSAGES, SILENCE, VALID, Torture
from tests.kamailio.torture.watch import ONE_OF_EACH, unharmed
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.sip_text import SipMessage
from tests.support.wire import ConnectionClosed

DOMAINS = ("example.com", "example.net", "example.org")
CHALLENGES = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    extensions = [{"number": "101", "name": "Bob", "password": "change-me"}]
    document = {"version": 1, "domains": [{"name": name, "extensions": extensions} for name in DOMAINS]}
    with Node(tmp_path_factory.mktemp("torture"), yaml.safe_dump(document), environment=ONE_OF_EACH) as node:
        yield node


def test_given_the_folder_of_rfc_4475_when_compared_with_the_table_then_each_message_is_in_it_once() -> None:
    files = {f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.dat")}
    table = [f"{'valid' if message in VALID else 'invalid'}/{message.name}" for message in MESSAGES]
    assert files == set(table)
    assert len(table) == len(set(table))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_given_a_torture_message_when_it_is_sent_then_it_is_answered_as_the_table_says_and_the_node_is_unharmed(
    message: Torture, transport: str, node: Node
) -> None:
    expected = message.udp if transport == "udp" else message.tcp
    with unharmed(node, "example.com"), Phone(node.address, "nobody", domain="x", transport=transport) as phone:
        phone.sends(message.raw())

        answers, closed = come_back(phone, node, [status for status in expected if status > 0])

        assert [answer.status for answer in answers] == [
            status for status in expected if status not in (SILENCE, CLOSED)
        ]
        assert closed == (CLOSED in expected)
        for answer in answers:
            answers_well(answer, message)


def come_back(phone: Phone, node: Node, expected: list[int]) -> tuple[list[SipMessage], bool]:
    """What came back by the time that the node has dealt with all that was sent, and whether it closed the stream."""
    try:
        for _ in expected:
            phone.expects(lambda m: m.status >= 200, "an answer")
        with Phone(node.address, "101", domain="example.com", transport=phone.transport) as other:
            assert other.asks("OPTIONS").status == 200
        phone.hears()
        if phone.transport == "tcp" and expected == []:
            phone.wire.reads(CLOSES_WITHIN_S)
    except ConnectionClosed:
        return phone.came, True
    except TimeoutError:
        pass
    return phone.came, False


CLOSES_WITHIN_S = 0.1


def answers_well(answer: SipMessage, message: Torture) -> None:
    """RFC 3261 §8.2.6.2, §20.44, §21.4.15."""
    text = message.raw().decode("utf-8", "surrogateescape")
    assert answer["Call-ID"] in text
    assert answer["CSeq"].partition(" ")[0] in text
    assert answer.tag("To")
    if answer.status in CHALLENGES:
        assert answer[CHALLENGES[answer.status]].startswith('Digest realm="example.')
    if answer.status == 420:
        assert answer.all("Unsupported") == ["noProxiesSupportThis", "norDoAnyProxiesSupportThis"]
