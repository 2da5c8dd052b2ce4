"""The adapter to Kamailio's transactions, against the strict double of KSR."""

from __future__ import annotations

import pytest

from kemi.sip.flow import Flow
from kemi.sip.ports import Callback
from tests.support.fake_ksr import install
from tests.unit.ksr.kamailio import kamailio

with install():
    from kemi.ksr.transaction import KamailioTransaction


def test_given_an_invite_when_refused_then_a_transaction_repeats_the_answer_until_it_is_acknowledged() -> None:
    with kamailio() as fake:
        KamailioTransaction().reply(480, "Gone", ('Warning: 399 star87 "why"', "Retry-After: 2"))
        (reply,) = fake.replies
        assert (reply.status, reply.reason, reply.stateful) == (480, "Gone", True)
        assert reply.headers == (("Warning", '399 star87 "why"'), ("Retry-After", "2"))


def test_given_another_request_when_refused_then_the_answer_is_sent_once() -> None:
    with kamailio(**{"$rm": "OPTIONS"}) as fake:
        KamailioTransaction().reply(200, "OK")
        assert [(reply.status, reply.stateful) for reply in fake.replies] == [(200, False)]


def test_given_a_target_and_its_flow_when_aimed_at_then_uri_next_hop_and_socket_are_set() -> None:
    flow = Flow("tcp", "2001:db8::4", 5070, "tcp:192.0.2.1:5060")
    with kamailio() as fake:
        fake.answer("set_forward_no_connect", True)
        transaction = KamailioTransaction()
        transaction.aim("sip:104@192.0.2.4", flow)
        transaction.call_back(
            reply=Callback.PICKUP_REPLY, failure=Callback.PICKUP_FAILURE, branch=Callback.PICKUP_BRANCH
        )
        transaction.set_timers(answer_ms=5000, silence_ms=2000)
        assert transaction.relay()
        (relay,) = fake.relays
        assert (relay.uri, relay.dst_uri) == ("sip:104@192.0.2.4", "sip:[2001:db8::4]:5070;transport=tcp")
        assert relay.send_socket == "tcp:192.0.2.1:5060"
        assert (relay.on_reply, relay.on_failure, relay.on_branch) == (
            "ksr_reply_pickup",
            "ksr_failure_pickup",
            "ksr_branch_pickup",
        )
        assert relay.timers_ms == (5000, 2000)


def test_given_a_target_without_flow_when_aimed_at_then_an_older_next_hop_is_gone() -> None:
    with kamailio() as fake:
        fake.pv.sets("$du", "sip:192.0.2.9")
        transaction = KamailioTransaction()
        transaction.aim("sip:101@vm.example.com")
        transaction.relay()
        assert (fake.relays[0].uri, fake.relays[0].dst_uri) == ("sip:101@vm.example.com", None)


def test_given_a_note_when_remembered_then_a_later_callback_recalls_the_newest() -> None:
    with kamailio() as fake:
        transaction = KamailioTransaction()
        assert transaction.recall("pickup") == ""
        transaction.remember("pickup", "one")
        transaction.remember("pickup", "two")
        transaction.relay()
        fake.enter("failure", status=486)
        assert transaction.recall("pickup") == "two"
        assert transaction.final_status == 486


def test_given_a_relay_that_reaches_nobody_when_relayed_then_it_is_false_and_the_stack_can_answer() -> None:
    with kamailio() as fake:
        fake.answer("tm.t_relay", -1)
        fake.answer("sl.sl_reply_error", 1)
        transaction = KamailioTransaction()
        assert not transaction.relay()
        transaction.relay_failed()
        assert fake.called("sl.sl_reply_error") == [()]


@pytest.mark.parametrize(("answer", "cancelled"), [(1, True), (-1, False)])
def test_given_kamailio_s_yes_and_no_when_asked_then_they_are_true_and_false(answer: int, cancelled: bool) -> None:
    with kamailio() as fake:
        fake.answer("tm.t_is_canceled", answer)
        fake.answer("tm.t_check_trans", answer)
        assert KamailioTransaction().is_cancelled is cancelled
        assert KamailioTransaction().is_known is cancelled


def test_given_a_call_that_is_to_wait_when_answered_182_and_suspended_then_nothing_is_sent_on() -> None:
    names: dict[str, str | int | None] = {
        "$T(id_index)": 4000000000,
        "$T(id_label)": 7,
        "$sel(tm.uas.local_to_tag)": "own-tag",
    }
    with kamailio(**names) as fake:
        transaction = KamailioTransaction()
        transaction.create()
        assert transaction.name == "4000000000:7"
        transaction.provisional(182, "Queued")
        transaction.call_back(reply=None, failure=Callback.QUEUE_FAILURE)
        transaction.suspend()
        assert transaction.own_tag == "own-tag"
        assert [(reply.status, reply.reason, reply.stateful) for reply in fake.replies] == [(182, "Queued", True)]
        assert (fake.suspensions, fake.relays) == (1, [])
        assert fake.transaction.armed == {"failure": "ksr_failure_queue", "branch": "", "reply": ""}


def test_given_no_dialog_of_its_own_when_its_tag_is_asked_then_it_is_empty() -> None:
    with kamailio(**{"$sel(tm.uas.local_to_tag)": None}):
        assert KamailioTransaction().own_tag == ""


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("7:42", (7, 42)), ("2147483647:2147483648", (2147483647, -2147483648)), ("65535:4294967295", (65535, -1))],
)
def test_given_a_suspended_transaction_when_resumed_then_its_unsigned_numbers_fit_kamailio_s_signed_ones(
    name: str, numbers: tuple[int, int]
) -> None:
    with kamailio() as fake:
        fake.elsewhere.add(numbers)
        KamailioTransaction().resume(name, Callback.QUEUE_RESUMED)
        assert fake.continued == [(*numbers, "ksr_resumed_queue")]


def test_given_a_transaction_that_is_gone_when_resumed_then_nothing_runs() -> None:
    with kamailio() as fake:
        KamailioTransaction().resume("7:42", Callback.QUEUE_RESUMED)
        assert fake.continued == []


@pytest.mark.parametrize(("transport", "below"), [("UDP", "udp"), ("WS", "tcp"), ("WSS", "tls")])
def test_given_an_invite_over_any_transport_when_its_answer_asks_for_the_caller_then_its_contact_and_flow_are_named(
    transport: str, below: str
) -> None:
    asked: dict[str, str | int | None] = {
        "$(T_req($ct){nameaddr.uri})": "sip:104@abc.invalid",
        "$T_req($proto)": transport,
        "$T_req($si)": "2001:db8::4",
        "$T_req($sp)": 5070,
        "$T_req($Ri)": "2001:db8::1",
        "$T_req($Rp)": 5060,
    }
    with kamailio(**asked):
        flow = Flow(transport.lower(), "2001:db8::4", 5070, f"{below}:[2001:db8::1]:5060")
        assert KamailioTransaction().caller_end == ("sip:104@abc.invalid", flow)


def test_given_an_invite_that_is_there_already_when_it_is_refused_then_the_first_gets_no_answer_of_its() -> None:
    with kamailio(**{"$rm": "INVITE"}) as fake:
        fake.answer("tm.t_newtran", 0)
        KamailioTransaction().reply(483, "Too Many Hops")
        assert fake.replies == []


def test_given_another_transaction_when_it_is_answered_then_call_id_and_cseq_name_it_and_that_at_hand_ends() -> None:
    with kamailio() as fake:
        for name in ("tm.t_newtran", "tm.t_release", "tmx.t_reply_callid"):
            fake.answer(name, 1)
        KamailioTransaction().answer_another("a84b4c", "1", 182, "Queued")
        assert fake.called("tm.t_newtran") == fake.called("tm.t_release") == [()]
        assert fake.called("tmx.t_reply_callid") == [("a84b4c", "1", 182, "Queued")]


@pytest.mark.parametrize(
    ("found", "source", "call_id"), [(1, "192.0.2.1", "a84b4c"), (-1, "192.0.2.1", ""), (1, "192.0.2.66", "")]
)
def test_given_a_cancel_when_its_invite_is_asked_then_it_is_named_by_the_invite_s_own_call_id(
    found: int, source: str, call_id: str
) -> None:
    """Who has read the INVITE along cancels it from nowhere else."""
    invite = {"$T_inv($ci)": "a84b4c", "$T_inv($si)": "192.0.2.1"}
    with kamailio(**{"$rm": "CANCEL", "$ci": "another", "$si": source, **invite}) as fake:
        fake.answer("tm.t_lookup_cancel", found)
        assert KamailioTransaction().cancels == call_id


@pytest.mark.parametrize(
    ("uri", "next_hop", "socket", "flow"),
    [
        ("sip:103@192.0.2.3:5073", None, "udp:192.0.2.1:5060", Flow("udp", "192.0.2.3", 5073, "udp:192.0.2.1:5060")),
        (
            "sip:103@x.invalid;transport=ws",
            "sip:192.0.2.3:4711;transport=ws",
            "tcp:192.0.2.1:80",
            Flow("ws", "192.0.2.3", 4711, "tcp:192.0.2.1:80"),
        ),
        ("sip:103@192.0.2.3", None, None, Flow("udp", "192.0.2.3", 5060, "")),
    ],
)
def test_given_a_branch_that_is_about_to_be_sent_when_asked_then_it_is_known_over_what(
    uri: str, next_hop: str | None, socket: str | None, flow: Flow
) -> None:
    of_branch: dict[str, str | int | None] = {"$ru": uri, "$du": next_hop, "$fs": socket}
    with kamailio(**of_branch):
        assert KamailioTransaction().leaves_by == flow


def test_given_a_2xx_when_another_branch_s_ringing_crosses_it_then_that_branch_is_cancelled() -> None:
    with kamailio() as fake:
        transaction = KamailioTransaction()
        transaction.see_others_end(200)
        fake.answer("tmx.t_cancel_branches", -1, -1, 1)
        transaction.see_others_end(180)
        assert fake.called("tmx.t_cancel_branches") == [("this",)] * 3


@pytest.mark.parametrize("statuses", [(100, 180, 183), (180, 486), (180, 200, 200), (200, 487)])
def test_given_answers_of_which_none_rings_after_a_2xx_when_they_come_then_nothing_is_cancelled(
    statuses: tuple[int, ...],
) -> None:
    with kamailio() as fake:
        transaction = KamailioTransaction()
        for status in statuses:
            transaction.see_others_end(status)
        assert fake.called("tmx.t_cancel_branches") == []
