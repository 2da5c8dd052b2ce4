import socket

import pytest

from kemi.cli.listen import Listen, peer_address


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("udp:127.0.0.1:5060", Listen("udp", "127.0.0.1", 5060)),
        ("tcp:127.0.0.1", Listen("tcp", "127.0.0.1", 5060)),
        ("tcp:[::1]:5070", Listen("tcp", "::1", 5070)),
        ("udp:0.0.0.0:65535", Listen("udp", "0.0.0.0", 65535)),
        ("tls:127.0.0.1", Listen("tls", "127.0.0.1", 5061)),
        ("ws:127.0.0.1", Listen("ws", "127.0.0.1", 80)),
        ("wss:[::1]", Listen("wss", "::1", 443)),
    ],
)
def test_given_a_listen_address_when_read_then_it_can_be_written_again(text: str, listen: Listen) -> None:
    assert Listen.parse(text) == listen
    assert Listen.parse(str(listen)) == listen


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:5060",
        "sctp:127.0.0.1:5060",
        "udp:localhost:5060",
        "udp:127.0.0.1:0",
        "udp:127.0.0.1:65536",
        "udp:127.0.0.1:x",
        "udp:127.0.0.1:-1",
        "udp:",
        "",
    ],
)
def test_given_something_else_when_read_then_the_error_repeats_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"udp|port|address") as raised:
        Listen.parse(text)
    assert repr(text) in str(raised.value)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws", "wss"])
def test_given_an_address_that_another_holds_when_asked_then_it_is_in_use(transport: str) -> None:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as other:
        # As Kamailio opens its sockets: on UDP this would let a second one share the port unseen.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        if transport != "udp":
            other.listen()
        listen = Listen(transport, "127.0.0.1", other.getsockname()[1])
        assert listen.why_not() == "is in use"
    assert listen.why_not() is None


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("udp:127.0.0.1:5060", "udp:127.0.0.1:5060"),
        ("tls:127.0.0.1:5061", "tls:127.0.0.1:5061"),
        ("ws:127.0.0.1:8080", "tcp:127.0.0.1:8080"),
        ("wss:[::1]:443", "tls:[::1]:443"),
    ],
)
def test_given_a_transport_when_its_socket_is_named_then_it_is_the_one_that_is_bound(text: str, bound: str) -> None:
    assert Listen.parse(text).bound == bound


def test_given_an_address_of_another_host_when_asked_then_that_is_said() -> None:
    assert Listen("udp", "192.0.2.1", 5060).why_not() == "is not an address of this host"


def test_given_no_peer_address_when_listening_on_udp_then_the_first_that_can_be_told_is_taken() -> None:
    listens = [Listen.parse(text) for text in ("tcp:192.0.2.1:5060", "udp:0.0.0.0:5060", "udp:192.0.2.1:5070")]
    assert peer_address("", listens) == "udp:192.0.2.1:5070"
    assert peer_address("", listens[:2]) == ""
    assert peer_address("udp:[2001:db8::1]:5070", listens) == "udp:[2001:db8::1]:5070"


@pytest.mark.parametrize("text", ["tcp:192.0.2.1:5060", "udp:0.0.0.0:5060", "udp:[::]:5060", "192.0.2.1:5060"])
def test_given_a_peer_address_that_nobody_could_use_when_read_then_it_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="udp:"):
        peer_address(text, [])
