"""The calling side of an INVITE, as a pickup will need it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.dialogs.record import Caller
from kemi.routing.caller import ANONYMOUS_URI, caller_of
from kemi.sip.headers import asserted_identity, quoted, unquoted
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


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Desk/1.2 (Linux)", "Desk/1.2 (Linux)"),
        ("Desk\x00\x1b[31m\t/1\x7f\x85", "Desk[31m/1"),
        ("x" * 121, "x" * 120),
        ("  Zoë \u202e ", "Zoë"),
        ("", ""),
    ],
)
def test_given_a_user_agent_when_read_then_it_is_one_short_line(sent: str, kept: str) -> None:
    caller = caller_of(invite(headers=[("User-Agent", sent)]), "104")
    assert caller.user_agent == kept


def test_given_no_user_agent_when_read_then_it_is_empty() -> None:
    assert caller_of(invite(), "104").user_agent == ""


def test_given_a_user_agent_that_is_no_utf_8_when_read_then_the_call_goes_on_without_it() -> None:
    class Latin(FakeMessage):
        def header(self, name: str) -> str:
            if name == "User-Agent":
                raise UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid")
            return super().header(name)

    assert caller_of(Latin(), "104").user_agent == ""


# Whatever anybody writes

HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["P-Asserted-Identity", "Privacy", "Supported", "Record-Route"]),
        st.text(max_size=40) | st.text('"\\\\<>,;:@ sipteld', max_size=40),
    ),
    max_size=4,
)


@given(HEADERS, st.sampled_from(["", "104"]))
def test_given_any_headers_when_a_caller_is_read_then_nothing_is_raised_and_he_is_kept_as_he_is(
    headers: list[tuple[str, str]], number: str
) -> None:
    caller = caller_of(invite(headers=headers), number)
    assert Caller.unpack(caller.pack()) == caller
    assert caller.shown


@given(st.text(max_size=30), st.from_regex(r"(sips?|tel):[A-Za-z0-9+.@;=-]{1,20}", fullmatch=True))
def test_given_any_display_name_when_asserted_and_read_then_it_is_the_same_but_for_control_characters(
    display: str, uri: str
) -> None:
    line = asserted_identity(display, uri)
    caller = caller_of(from_a_trunk(("P-Asserted-Identity", line.partition(": ")[2])), "")
    assert (caller.display, caller.uri) == (unquoted(quoted(display)), uri)


@given(st.text(max_size=30) | st.text('"\\\\<>,;:@ sipteld', max_size=30))
def test_given_any_text_when_it_is_asserted_then_the_uri_is_one_that_names_somebody(text: str) -> None:
    caller = caller_of(from_a_trunk(("P-Asserted-Identity", text)), "")
    assert caller.uri.lower().startswith(("sip:", "sips:", "tel:"))
    assert not {"<", ">"} & set(caller.uri)
