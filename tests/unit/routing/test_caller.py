"""The calling side of an INVITE, as a pickup will need it."""

from __future__ import annotations

import pytest

from kemi.routing.caller import ANONYMOUS_URI, caller_of
from tests.support.fake_sip import DOMAIN, FLOW, FakeMessage, invite


def test_given_an_invite_when_read_then_it_tells_who_where_and_over_what() -> None:
    caller = caller_of(invite(), "104")
    assert (caller.dialog.call_id, caller.dialog.caller_tag) == ("call-1", "caller-tag")
    assert (caller.number, caller.display, caller.uri) == ("104", "Dave", f"sip:104@{DOMAIN}")
    assert (caller.contact, caller.flow, caller.routes) == ("sip:104@192.0.2.4:5070", FLOW, ())


@pytest.mark.parametrize(
    ("values", "supported"),
    [
        (["replaces"], True),
        (["100rel, Replaces"], True),
        (["gruu", " replaces ,timer"], True),
        ([], False),
        (["replacesx, norefersub"], False),
        ([""], False),
    ],
)
def test_given_a_supported_header_when_read_then_replaces_is_one_of_its_tokens(
    values: list[str], supported: bool
) -> None:
    headers = [("Supported", value) for value in values]
    assert caller_of(invite(headers=headers), "104").replaces is supported


@pytest.mark.parametrize(
    ("privacy", "hidden"),
    [
        ("id", True),
        ("header;id", True),
        ("User ; critical", True),
        ("none", False),
        ("session", False),
        ("", False),
    ],
)
def test_given_a_privacy_header_when_read_then_who_hides_is_not_named(privacy: str, hidden: bool) -> None:
    """RFC 3323 §4.2, RFC 3325 §9.3."""
    caller = caller_of(invite(headers=[("Privacy", privacy)]), "104")
    assert (caller.uri == ANONYMOUS_URI) is hidden
    assert (caller.display == "") is hidden


def test_given_proxies_before_this_node_when_read_then_the_way_back_is_their_own_order() -> None:
    """RFC 3261 §12.1.1."""
    headers = [("Record-Route", "<sip:near;lr>"), ("Record-Route", "<sip:far;lr>")]
    assert caller_of(invite(headers=headers), "104").routes == ("<sip:near;lr>", "<sip:far;lr>")


def from_a_trunk(*headers: tuple[str, str]) -> FakeMessage:
    return invite(
        "+15550100", from_user="+15559999", from_host="carrier.example.net", from_display="Customer", headers=headers
    )


@pytest.mark.parametrize(
    ("asserted", "display", "uri"),
    [
        ("<sip:+1@a.example>", "", "sip:+1@a.example"),
        ('"Bob \\"B\\", Jr." <sip:+1@a.example>, <tel:+1>', 'Bob "B", Jr.', "sip:+1@a.example"),
        ('"a\\\\b"<sip:+1@a.example>', "a\\b", "sip:+1@a.example"),
        ('"" <sip:+1@a.example>', "", "sip:+1@a.example"),
        ("  Bob  <tel:+1>", "Bob", "tel:+1"),
        ("sip:+1@a.example;x=y", "", "sip:+1@a.example"),
        ("<http://a.example>", "Customer", "sip:+15559999@carrier.example.net"),
        ("<>", "Customer", "sip:+15559999@carrier.example.net"),
        ("", "Customer", "sip:+15559999@carrier.example.net"),
        (None, "Customer", "sip:+15559999@carrier.example.net"),
    ],
)
def test_given_a_call_of_a_trunk_when_read_then_whom_it_asserts_is_who_calls(
    asserted: str | None, display: str, uri: str
) -> None:
    headers = [] if asserted is None else [("P-Asserted-Identity", asserted)]
    caller = caller_of(from_a_trunk(*headers), "")
    assert (caller.number, caller.display, caller.uri) == ("", display, uri)


def test_given_a_call_of_an_extension_when_read_then_what_it_asserts_names_nobody() -> None:
    headers = [("P-Asserted-Identity", '"Boss" <sip:1@a.example>')]
    caller = caller_of(invite(headers=headers), "104")
    assert (caller.display, caller.uri) == ("Dave", f"sip:104@{DOMAIN}")


def test_given_a_caller_from_a_trunk_who_asks_for_privacy_when_read_then_nobody_is_told_who_calls() -> None:
    headers = ("P-Asserted-Identity", '"Bob" <sip:+1@a.example>'), ("Privacy", "id")
    caller = caller_of(from_a_trunk(*headers), "")
    assert (caller.display, caller.uri) == ("", ANONYMOUS_URI)


@pytest.mark.parametrize("asserted", ['"' + "\\ " * 30_000 + " " * 30_000, "a" + " " * 60_000])
def test_given_a_header_of_blanks_when_read_then_it_takes_no_time_and_names_nobody(asserted: str) -> None:
    caller = caller_of(from_a_trunk(("P-Asserted-Identity", asserted + ",")), "")
    assert caller.display == "Customer"
