"""The calling side of an INVITE, as a pickup will need it."""

from __future__ import annotations

import pytest

from kemi.routing.caller import ANONYMOUS_URI, caller_of
from tests.support.fake_sip import DOMAIN, FLOW, invite


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
