"""What the double of KSR makes of a message: headers, replies, relays, contacts, waiting, as Kamailio 5.6.3 does."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.support.fake_ksr import FakeKsr, Registered, Reply

INVITE: Mapping[str, str | int | None] = {"$rm": "INVITE", "$ru": "sip:102@pbx.example.com", "$ci": "a84b4c"}
HEADERS = [("From", "<sip:101@pbx.example.com>;tag=1"), ("X-A", "one"), ("x-a", "two"), ("k", "replaces")]
DESK = Registered("sip:102@127.0.0.1:5072", received="sip:127.0.0.1:40000", socket="udp:127.0.0.1:5060")
MOBILE = Registered("sip:102@127.0.0.1:5073;ob", path="<sip:edge.example.com;lr>", ruid="uloc-2")


@pytest.fixture
def fake() -> FakeKsr:
    return FakeKsr(INVITE, headers=HEADERS, locations={"102@pbx.example.com": [DESK, MOBILE]})


# Headers


def test_given_headers_when_read_then_case_compact_form_and_index_are_heeded(fake: FakeKsr) -> None:
    assert (fake.hdr.get("x-A"), fake.hdr.get_idx("X-A", 1), fake.hdr.get_idx("X-A", 2)) == (
        "one",
        "two",
        None,
    )
    assert fake.hdr.get("Supported") == "replaces"
    assert (fake.hdr.is_present("f"), fake.hdr.is_present("Replaces")) == (1, -1)
    assert fake.pv.get("$hdr(Supported)") == "replaces"


def test_given_no_headers_when_one_is_read_then_it_is_refused() -> None:
    with pytest.raises(AssertionError, match="no headers"):
        FakeKsr(INVITE).hdr.is_present("Replaces")


def test_given_a_header_change_when_the_message_is_read_then_it_shows_only_once_applied(
    fake: FakeKsr,
) -> None:
    fake.hdr.append("Reason: SIP;cause=200\r\n")
    fake.hdr.remove("X-A")
    assert (fake.hdr.is_present("Reason"), fake.hdr.is_present("X-A")) == (-1, 1)
    assert fake.textopsx.msg_apply_changes() == 1
    assert (fake.hdr.get("Reason"), fake.hdr.is_present("X-A")) == ("SIP;cause=200", -1)


def test_given_a_record_route_when_changes_are_to_be_applied_then_kamailio_refuses(fake: FakeKsr) -> None:
    assert (fake.rr.record_route(), fake.rr.record_route()) == (1, -1)
    fake.hdr.append("Reason: SIP;cause=200\r\n")
    assert fake.textopsx.msg_apply_changes() == -1
    assert fake.hdr.is_present("Reason") == -1


@pytest.mark.parametrize("text", ["Replaces: a", "Replaces: a\n", "garbage\r\n", "", "A: 1\r\n\r\n"])
def test_given_text_that_is_no_header_line_when_appended_then_it_is_refused(fake: FakeKsr, text: str) -> None:
    for append in (fake.hdr.append, fake.hdr.append_to_reply):
        with pytest.raises(AssertionError, match="not whole header lines"):
            append(text)


# Replies


def test_given_no_transaction_when_replied_then_only_the_stateless_reply_goes_out(fake: FakeKsr) -> None:
    assert fake.tm.t_reply(480, "Gone") == -1
    assert fake.sl.send_reply(404, "Not Found") == 1
    assert fake.replies == [Reply(404, "Not Found", (), stateful=False)]


def test_given_a_transaction_when_replied_then_headers_go_with_each_reply_and_none_follows_a_final(
    fake: FakeKsr,
) -> None:
    assert (fake.tm.t_newtran(), fake.tm.t_newtran()) == (1, -10)
    fake.hdr.append_to_reply('Warning: 399 pbx "no call"\r\n')
    assert (fake.tm.t_reply(180, "Ringing"), fake.sl.send_reply(480, "Gone"), fake.tm.t_reply(481, "No")) == (
        1,
        1,
        -1,
    )
    warning = (("Warning", '399 pbx "no call"'),)
    assert fake.replies == [Reply(180, "Ringing", warning, True), Reply(480, "Gone", warning, True)]


def test_given_a_header_for_the_reply_when_changes_are_applied_then_it_is_lost(fake: FakeKsr) -> None:
    fake.hdr.append_to_reply("Retry-After: 2\r\n")
    fake.textopsx.msg_apply_changes()
    fake.sl.send_reply(503, "Service Unavailable")
    assert fake.replies[0].headers == ()


# Relays


def test_given_a_rewritten_request_when_relayed_then_the_relay_shows_what_left_and_what_is_armed(
    fake: FakeKsr,
) -> None:
    fake.hdr.append("Replaces: a;to-tag=1;from-tag=2\r\nRequire: replaces\r\n")
    fake.hdr.remove("X-A")
    fake.pv.sets("$ru", "sip:101@127.0.0.1:5071")
    fake.pv.sets("$du", "sip:127.0.0.1:40001")
    fake.pv.sets("$fs", "udp:127.0.0.1:5060")
    fake.tm.t_on_failure("ksr_pickup_failed")
    fake.tm.t_on_branch("ksr_branch")
    fake.tm.t_on_reply("ksr_pickup_reply")
    fake.tm.t_set_fr(5000, 2000)
    assert fake.tm.t_relay() == 1
    relay = fake.relays[0]
    assert (relay.uri, relay.dst_uri) == ("sip:101@127.0.0.1:5071", "sip:127.0.0.1:40001")
    assert relay.send_socket == "udp:127.0.0.1:5060"
    assert relay.appended == (("Replaces", "a;to-tag=1;from-tag=2"), ("Require", "replaces"))
    assert relay.removed == ("X-A",)
    assert (relay.on_failure, relay.on_branch, relay.on_reply) == (
        "ksr_pickup_failed",
        "ksr_branch",
        "ksr_pickup_reply",
    )
    assert relay.timers_ms == (5000, 2000)


def test_given_a_header_applied_before_when_relayed_then_it_still_counts_as_appended(fake: FakeKsr) -> None:
    fake.hdr.append("Reason: SIP;cause=200\r\n")
    fake.textopsx.msg_apply_changes()
    fake.tm.t_relay()
    assert fake.relays[0].appended == (("Reason", "SIP;cause=200"),)


def test_given_a_relayed_request_when_relayed_again_in_the_same_callback_then_it_fails(fake: FakeKsr) -> None:
    assert (fake.tm.t_relay(), fake.tm.t_relay()) == (1, -1)
    assert len(fake.relays) == 1


def test_given_a_final_answer_when_relayed_then_it_is_refused(fake: FakeKsr) -> None:
    fake.tm.t_send_reply(480, "Gone")
    with pytest.raises(AssertionError, match="after the final answer"):
        fake.tm.t_relay()


def test_given_a_failed_relay_when_the_failure_callback_runs_then_avps_stay_and_nothing_is_armed(
    fake: FakeKsr,
) -> None:
    fake.pv.sets("$avp(note)", "kept")
    fake.hdr.append("X-Once: 1\r\n")
    fake.tm.t_on_failure("ksr_failure")
    fake.tm.t_relay()
    fake.enter("failure", status=486)
    assert fake.pv.get("$avp(note)") == "kept"
    assert (
        fake.tm.t_get_status_code(),
        fake.tm.t_check_status("486|5.."),
        fake.tm.t_check_status("408"),
    ) == (486, 1, -1)
    assert (fake.tmx.t_is_failure_route(), fake.tmx.t_is_request_route()) == (1, -1)
    assert fake.hdr.is_present("X-Once") == -1
    assert fake.textopsx.msg_apply_changes() == -1
    fake.pv.sets("$ru", "sip:103@127.0.0.1:5073")
    fake.tm.t_relay()
    assert fake.relays[1].appended == (("X-Once", "1"),)
    assert fake.relays[1].on_failure == ""


def test_given_a_header_appended_in_a_branch_callback_when_the_next_one_runs_then_it_is_gone(
    fake: FakeKsr,
) -> None:
    fake.tm.t_relay()
    fake.enter("branch")
    fake.hdr.append("X-Branch: 0\r\n")
    assert fake.message.appended == [("X-Branch", "0")]
    fake.enter("branch")
    assert fake.message.appended == []


def test_given_a_reply_callback_when_the_request_is_read_then_only_what_the_reply_has_is_known(
    fake: FakeKsr,
) -> None:
    fake.tm.t_relay()
    fake.enter("reply", status=180, variables={"$tt": "b1"}, headers=[("To", "<sip:102@x>;tag=b1")])
    assert (fake.pv.get("$tt"), fake.hdr.is_present("From")) == ("b1", -1)
    with pytest.raises(AssertionError, match=r"\$ru"):
        fake.pv.get("$ru")
    with pytest.raises(AssertionError, match="a reply in a reply callback"):
        fake.sl.send_reply(500, "No")


# Contacts


def test_given_two_contacts_when_looked_up_then_the_first_is_the_request_uri_and_the_other_a_branch(
    fake: FakeKsr,
) -> None:
    assert fake.registrar.lookup("location") == 1
    assert (fake.pv.get("$ru"), fake.pv.get("$du"), fake.pv.get("$fs")) == (
        DESK.addr,
        DESK.received,
        DESK.socket,
    )
    assert (fake.pv.get("$branch(count)"), fake.pv.get("$branch(uri)")) == (1, MOBILE.addr)
    assert fake.pv.get("$(branch(dst_uri)[0])") == "sip:edge.example.com;lr"
    fake.tm.t_relay()
    assert [branch.ruid for branch in fake.relays[0].branches] == ["uloc-2"]
    assert fake.pv.get("$branch(count)") is None


def test_given_contacts_when_looked_up_to_the_destination_set_then_the_request_uri_stays(
    fake: FakeKsr,
) -> None:
    assert fake.registrar.lookup_to_dset("location", "sip:102@pbx.example.com") == 1
    assert (fake.pv.get("$ru"), fake.pv.get("$branch(count)")) == (INVITE["$ru"], 2)


def test_given_nobody_registered_when_looked_up_then_nothing_changes(fake: FakeKsr) -> None:
    assert fake.registrar.lookup_uri("location", "sip:109@pbx.example.com") == -1
    assert fake.registrar.registered_uri("location", "sip:109@pbx.example.com") == -1
    assert fake.pv.get("$ru") == INVITE["$ru"]


def test_given_contacts_when_fetched_then_ulc_shows_them_until_they_are_freed(fake: FakeKsr) -> None:
    assert fake.registrar.reg_fetch_contacts("location", "sip:102@pbx.example.com", "callee") == 1
    assert fake.pv.get("$ulc(callee=>count)") == 2
    assert fake.pv.get("$(ulc(callee=>addr)[1])") == MOBILE.addr
    assert fake.pv.get("$(ulc(callee=>received)[1])") == ""
    fake.registrar.reg_free_contacts("callee")
    assert fake.pv.get("$ulc(callee=>count)") is None


def test_given_no_table_when_contacts_are_looked_up_then_it_is_refused() -> None:
    with pytest.raises(AssertionError, match="no such table"):
        FakeKsr(INVITE).registrar.lookup("location")


# Waiting


def test_given_a_transaction_elsewhere_when_continued_then_only_that_one_is_reached(fake: FakeKsr) -> None:
    fake.elsewhere.add((7, 42))
    assert (fake.tmx.t_continue(7, 42, "ksr_resumed"), fake.tmx.t_continue(7, 43, "ksr_resumed")) == (1, -1)
    assert fake.continued == [(7, 42, "ksr_resumed")]


def test_given_a_request_when_suspended_then_it_is_counted_unless_it_has_its_final_answer(
    fake: FakeKsr,
) -> None:
    assert fake.tmx.t_suspend() == 1
    fake.tm.t_reply(480, "Gone")
    assert fake.tmx.t_suspend() == -1
    assert fake.suspensions == 1
