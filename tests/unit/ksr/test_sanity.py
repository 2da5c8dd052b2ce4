"""What a request gets that Kamailio's sanity finds malformed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.support.fake_ksr import FakeKsr, install
from tests.support.fake_ksr_state import Xval

with install():
    from kemi.ksr.proxy import PROXY_REQUIRE_CHECK, SANITY_CHECKS, URI_CHECKS, KamailioProxy

ALL, BUT_EXTENSIONS = (SANITY_CHECKS, URI_CHECKS), (SANITY_CHECKS - PROXY_REQUIRE_CHECK, URI_CHECKS)
URI = "$(mb{s.select,1, })"


@contextmanager
def request(
    *checks: int, variables: Mapping[str, Xval] | None = None, proxy_require: str = "", method: str = "OPTIONS"
) -> Iterator[FakeKsr]:
    given: dict[str, Xval] = {"$rm": method, "$cl": 0, "$bs": 0, "$mb": "OPTIONS x\r\n\r\n", URI: "sip:101@a"}
    given.update(variables or {})
    headers = [("Proxy-Require", proxy_require)] if proxy_require else []
    with install(fake := FakeKsr(given, headers=headers)):
        fake.answer("sanity.sanity_check", *checks)
        fake.answer("sanity.sanity_reply", 1)
        fake.answer("textopsx.msg_set_buffer", 1)
        yield fake


def test_given_a_sane_request_when_checked_then_it_is_looked_at_once() -> None:
    with request(1) as fake:
        assert KamailioProxy().is_sane()
        assert [path for path, _ in fake.calls] == ["sanity.sanity_check"]


def test_given_what_follows_the_body_in_a_datagram_when_checked_then_it_is_cut_off() -> None:
    """RFC 3261 §18.3. Content-Length counts bytes, not characters."""
    message = "MESSAGE sip:101@a SIP/2.0\r\nContent-Length: 2\r\n\r\né"
    more: dict[str, Xval] = {"$cl": 2, "$bs": 9, "$mb": f"{message}INVITE…"[: len(message)] + "INVITE "}
    with request(-1, 1, variables=more) as fake:
        assert KamailioProxy().is_sane()
        assert fake.called("textopsx.msg_set_buffer") == [(message,)]
        assert fake.called("force_rport") == [()]


@pytest.mark.parametrize(
    "variables",
    [{"$cl": None, "$bs": 5}, {"$cl": 9, "$bs": 5}, {"$cl": 1, "$bs": 2, "$mb": "OPTIONS x\r\n\r\n\0a"}],
)
def test_given_another_fault_when_checked_then_nothing_is_cut_off_and_sanity_answers(
    variables: dict[str, Xval],
) -> None:
    with request(-1, -1, variables=variables) as fake:
        assert not KamailioProxy().is_sane()
        assert fake.called("textopsx.msg_set_buffer") == []
        assert fake.called("sanity.sanity_reply") == [()]


@pytest.mark.parametrize("uri", ["nobodyKnowsThisScheme:x", "soap.beep://192.0.2.103:3002", "MAILTO:a@b"])
def test_given_a_uri_of_another_scheme_when_checked_then_it_gets_416(uri: str) -> None:
    """RFC 3261 §8.2.2.1."""
    with request(-1, variables={URI: uri}) as fake:
        assert not KamailioProxy().is_sane()
        assert [reply.status for reply in fake.replies] == [416]


@pytest.mark.parametrize("uri", ["<sip:101@a>", "SIP:101@a", "101", "", None])
def test_given_a_uri_that_is_none_or_of_a_known_scheme_when_checked_then_sanity_answers(uri: str | None) -> None:
    with request(-1, -1, variables={URI: uri}) as fake:
        assert not KamailioProxy().is_sane()
        assert fake.replies == []
        assert fake.called("sanity.sanity_reply") == [()]


@pytest.mark.parametrize(
    ("required", "named"), [("a", []), ("a, b , c", [("Unsupported", "b , c")]), ("a,b", [("Unsupported", "b")])]
)
def test_given_extensions_that_are_not_supported_when_checked_then_420_names_those_that_sanity_leaves_out(
    required: str, named: list[tuple[str, str]]
) -> None:
    """RFC 3261 §16.3 step 5, §20.40; sanity has put the first of them into the answer."""
    with request(-1, 1, proxy_require=required) as fake:
        assert not KamailioProxy().is_sane()
        assert fake.called("sanity.sanity_check") == [ALL, BUT_EXTENSIONS]
        (reply,) = fake.replies
        assert (reply.status, list(reply.headers)) == (420, named)


def test_given_a_malformed_ack_when_checked_then_nothing_answers_it() -> None:
    with request(-1, method="ACK", variables={URI: "x:y"}) as fake:
        assert not KamailioProxy().is_sane()
        assert fake.replies == []
        assert fake.called("sanity.sanity_reply") == []
