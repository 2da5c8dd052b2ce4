"""Flows in Kamailio's hands: Contacts that are given an alias, contacts that are bound, and the way back."""

from __future__ import annotations

import pytest

from kemi.settings import Settings
from tests.support.fake_ksr import FakeKsr, install
from tests.support.fake_peers import FakePeers
from tests.unit.ksr.kamailio import VARIABLES, kamailio

with install():
    from kemi.ksr.http import KamailioHttp
    from kemi.ksr.incoming import Incoming
    from kemi.ksr.location import PINGED, KamailioLocation
    from kemi.ksr.proxy import KamailioProxy

HERE = "sip:104@192.0.2.4:5070"
ALIAS = "nathelper.set_contact_alias"


@pytest.mark.parametrize(
    ("status", "transport", "contact", "first_hop", "kept"),
    [
        (0, "UDP", HERE, 1, False),
        (0, "UDP", "sip:104@10.0.0.4:5070", 1, True),
        (0, "UDP", "sip:104@192.0.2.4", 1, True),
        (0, "UDP", "sip:104@10.0.0.4:5070", -1, False),
        (0, "UDP", None, 1, False),
        (0, "TCP", f"{HERE};transport=tcp", 1, True),
        (0, "WSS", "sip:104@abc.invalid;transport=ws", 1, True),
        (0, "TLS", None, 1, False),
        (200, "TCP", f"{HERE};transport=tcp", 1, False),
        (200, "TCP", "sip:104@192.0.2.4:5060;transport=tcp", 1, True),
        (200, "WS", "sip:104@abc.invalid;transport=ws", 1, True),
        (200, "WS", "sip:104@abc.invalid;transport=ws", -1, False),
    ],
)
def test_given_a_contact_when_its_flow_is_to_be_kept_then_it_is_where_the_contact_alone_would_not_do(
    status: int, transport: str, contact: str | None, first_hop: int, kept: bool
) -> None:
    with kamailio(**{"$proto": transport, "$(ct{nameaddr.uri})": contact, "$rs": status or None}) as fake:
        fake.answer("siputils.is_first_hop", first_hop)
        fake.answer(ALIAS, 1)
        Incoming().keep_flow()
        assert len(fake.called(ALIAS)) == kept


@pytest.mark.parametrize(
    ("transport", "socket"),
    [("UDP", "udp"), ("TCP", "tcp"), ("TLS", "tls"), ("WS", "tcp"), ("WSS", "tls")],
)
def test_given_a_transport_when_the_flow_is_read_then_its_socket_is_one_that_kamailio_has(
    transport: str, socket: str
) -> None:
    with kamailio(**{"$proto": transport}):
        flow = Incoming().flow
    assert (flow.transport, flow.socket) == (transport.lower(), f"{socket}:192.0.2.1:5060")


@pytest.mark.parametrize(
    ("transport", "first_hop", "nat", "contact", "bound", "pinged"),
    [
        ("UDP", 1, -1, "<sip:a@b>", False, False),
        ("UDP", 1, 1, "<sip:a@b>", True, True),
        ("UDP", 1, -1, '<sip:a@b>;reg-id=1;+sip.instance="<urn:x>"', True, True),
        ("UDP", -1, 1, "<sip:a@b>", False, False),
        ("TCP", 1, -1, "<sip:a@b>", True, False),
        ("WSS", 1, 1, "<sip:a@b>", True, False),
        ("TLS", -1, 1, "<sip:a@b>", False, False),
    ],
)
def test_given_a_register_when_saved_then_its_contact_is_bound_to_the_flow_that_alone_leads_there(
    transport: str, first_hop: int, nat: int, contact: str, bound: bool, pinged: bool
) -> None:
    with kamailio(**{"$rm": "REGISTER", "$proto": transport, "$ct": contact}) as fake:
        for path, answer in (
            ("siputils.is_first_hop", first_hop),
            ("nathelper.nat_uac_test", nat),
            ("nathelper.fix_nated_register", 1),
            ("registrar.save", 1),
        ):
            fake.answer(path, answer)
        fake.answer("setbflag", True)
        assert KamailioLocation(Settings(), FakePeers()).save()
        assert len(fake.called("nathelper.fix_nated_register")) == bound
        assert fake.called("setbflag") == [(PINGED,)] * pinged
        # The flow is known before the contact is.
        assert fake.calls[-1][0] == "registrar.save"


@pytest.mark.parametrize(
    ("next_route", "alias", "led_to", "asked", "reuses"),
    [
        (None, 2, None, True, False),
        (None, 1, "sip:192.0.2.9:5060", True, False),
        (None, 1, "sip:192.0.2.9:5060;transport=ws", True, True),
        ("sip:edge;lr", 1, "sip:edge;lr", False, False),
    ],
)
def test_given_a_target_with_an_alias_when_the_route_is_followed_then_it_counts_only_where_the_route_ends(
    next_route: str | None, alias: int, led_to: str | None, asked: bool, reuses: bool
) -> None:
    with install(FakeKsr({**VARIABLES, "$du": led_to}, headers=[("Route", "<sip:192.0.2.1;lr>")])) as fake:
        assert fake is not None
        fake.answer("is_myself", True)
        fake.answer("rr.loose_route", 1)
        fake.answer("pv.is_null", next_route is None)
        fake.answer("nathelper.handle_ruri_alias", alias)
        fake.answer("set_forward_no_connect", True)
        assert KamailioProxy().follow_route()
        assert bool(fake.called("nathelper.handle_ruri_alias")) is asked
        assert bool(fake.called("set_forward_no_connect")) is reuses


@pytest.mark.parametrize(
    ("upgrade", "connection", "asks"),
    [
        ("websocket", "Upgrade", True),
        ("WebSocket", "keep-alive, Upgrade", True),
        ("h2c", "Upgrade", False),
        ("websocket", "close", False),
        (None, None, False),
    ],
)
def test_given_http_headers_when_read_then_an_opening_handshake_is_known(
    upgrade: str | None, connection: str | None, asks: bool
) -> None:
    with kamailio() as fake:
        fake.answer("hdr.get", upgrade, connection)
        assert KamailioHttp().asks_for_websocket is asks


def test_given_http_that_is_refused_when_answered_then_its_headers_go_with_it() -> None:
    with kamailio() as fake:
        fake.answer("xhttp.xhttp_reply", 1)
        KamailioHttp().refuse(426, "Upgrade Required", ("Upgrade: websocket",))
        assert fake.called("xhttp.xhttp_reply") == [(426, "Upgrade Required", "", "")]
        assert fake.called("hdr.append_to_reply") == [("Upgrade: websocket\r\n",)]


def test_given_http_headers_that_are_not_utf_8_when_read_then_they_are_no_handshake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def not_utf_8(*_: object) -> str:
        return b"\xff".decode()

    with kamailio():
        monkeypatch.setattr("KSR.hdr.get", not_utf_8)
        assert not KamailioHttp().asks_for_websocket


@pytest.mark.parametrize(("transport", "kept"), [("udp", []), ("tcp", [(3605,)]), ("wss", [(3605,)])])
def test_given_a_message_of_somebody_known_when_its_connection_is_kept_then_only_a_stream_has_one(
    transport: str, kept: list[tuple[int]]
) -> None:
    with kamailio(**{"$proto": transport}) as fake:
        fake.answer("tcpops.tcp_set_connection_lifetime", 1)
        Incoming().keep_connection()
        assert fake.called("tcpops.tcp_set_connection_lifetime") == kept
