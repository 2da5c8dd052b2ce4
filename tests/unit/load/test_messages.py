"""What SIPp's short message log tells of calls."""

from __future__ import annotations

import pytest

from tests.support.load.messages import Call, calls_of


def log(*messages: tuple[float, str, str, str, str]) -> list[str]:
    """Seconds, S or R, Call-ID, CSeq, first line."""
    return [
        f"2026-01-01\t00:00:00.0\t{at:.6f}\t{way}\t{of}\tCSeq:{cseq}\t{first}\n"
        for at, way, of, cseq, first in messages
    ]


def only(lines: list[str]) -> Call:
    (call,) = calls_of(lines)
    return call


ANSWERED = [
    (10.0, "S", "1@a", "1 INVITE", "INVITE sip:+1@x SIP/2.0"),
    (10.001, "R", "1@a", "1 INVITE", "SIP/2.0 100 Trying"),
    (10.004, "R", "1@a", "1 INVITE", "SIP/2.0 180 Ringing"),
    (10.010, "R", "1@a", "1 INVITE", "SIP/2.0 200 OK"),
    (10.010, "S", "1@a", "1 ACK", "ACK sip:called@x SIP/2.0"),
    (10.110, "S", "1@a", "2 BYE", "BYE sip:called@x SIP/2.0"),
]
ENDED = (10.112, "R", "1@a", "2 BYE", "SIP/2.0 200 OK")


def test_given_a_call_that_went_all_its_way_when_read_then_its_times_are_from_the_invite() -> None:
    call = only(log(*ANSWERED, ENDED))
    assert call.post_dial_ms == pytest.approx(4)
    assert call.answer_ms == call.admitted_answer_ms == pytest.approx(10)
    assert call.is_complete
    assert not call.refused


def test_given_a_bye_that_nobody_answered_when_read_then_the_call_is_not_complete() -> None:
    assert not only(log(*ANSWERED)).is_complete


def test_given_an_answer_without_ringing_when_read_then_the_answer_ends_the_post_dial_delay() -> None:
    call = only(log(ANSWERED[0], ANSWERED[3]))
    assert call.post_dial_ms == pytest.approx(10)


def test_given_retransmissions_when_read_then_the_first_of_each_counts() -> None:
    again = (10.5, "S", "1@a", "1 INVITE", "INVITE sip:+1@x SIP/2.0")
    late = (10.6, "R", "1@a", "1 INVITE", "SIP/2.0 180 Ringing")
    assert only(log(*ANSWERED[:3], again, late, *ANSWERED[3:], ENDED)).post_dial_ms == pytest.approx(4)


def test_given_a_challenge_when_read_then_the_answer_is_measured_from_either_invite() -> None:
    call = only(
        log(
            (1.0, "S", "1@a", "1 INVITE", "INVITE sip:*87101@x SIP/2.0"),
            (1.002, "R", "1@a", "1 INVITE", "SIP/2.0 407 Proxy Authentication Required"),
            (1.002, "S", "1@a", "1 ACK", "ACK sip:*87101@x SIP/2.0"),
            (1.003, "S", "1@a", "2 INVITE", "INVITE sip:*87101@x SIP/2.0"),
            (1.009, "R", "1@a", "2 INVITE", "SIP/2.0 200 OK"),
            (1.2, "R", "1@a", "1 BYE", "BYE sip:50000@x SIP/2.0"),
            (1.2, "S", "1@a", "1 BYE", "SIP/2.0 200 OK"),
        )
    )
    assert call.answer_ms == pytest.approx(9)
    assert call.admitted_answer_ms == pytest.approx(6)
    assert call.is_complete


@pytest.mark.parametrize("status", ["403", "480", "486", "503"])
def test_given_a_refusal_when_read_then_the_call_is_refused_and_not_complete(status: str) -> None:
    call = only(log(*ANSWERED[:3], (10.01, "R", "1@a", "1 INVITE", f"SIP/2.0 {status} No")))
    assert call.refused == status
    assert not call.is_complete


def test_given_credentials_that_are_refused_when_read_then_the_call_is() -> None:
    call = only(
        log(
            (1.0, "S", "1@a", "1 INVITE", "INVITE sip:101@x SIP/2.0"),
            (1.002, "R", "1@a", "1 INVITE", "SIP/2.0 407 Proxy Authentication Required"),
            (1.003, "S", "1@a", "2 INVITE", "INVITE sip:101@x SIP/2.0"),
            (1.004, "R", "1@a", "2 INVITE", "SIP/2.0 407 Proxy Authentication Required"),
        )
    )
    assert call.refused == "407"
    assert not call.is_complete


def test_given_a_caller_who_is_picked_up_when_read_then_the_end_of_the_old_call_is_no_refusal() -> None:
    call = only(
        log(
            *ANSWERED[:3],
            (10.02, "S", "1@a", "", "Call-ID: 1@a"),
            (10.03, "R", "1@a", "2 INVITE", "INVITE sip:+1555@x SIP/2.0"),
            (10.03, "S", "1@a", "2 INVITE", "SIP/2.0 200 OK"),
            (10.031, "R", "1@a", "2 ACK", "ACK sip:+1555@x SIP/2.0"),
            (10.031, "S", "1@a", "1 CANCEL", "CANCEL sip:+1@x SIP/2.0"),
            (10.032, "R", "1@a", "1 CANCEL", "SIP/2.0 200 canceling"),
            (10.033, "R", "1@a", "1 INVITE", "SIP/2.0 487 Request Terminated"),
            (10.1, "S", "1@a", "1 BYE", "BYE sip:50000@x SIP/2.0"),
            (10.11, "R", "1@a", "1 BYE", "SIP/2.0 200 OK"),
        )
    )
    assert call.replaced_at == 10.03
    assert call.answered_at is None
    assert not call.refused
    assert call.is_complete


def test_given_a_caller_who_gave_up_when_read_then_his_call_is_not_complete() -> None:
    gave_up = (20.0, "R", "1@a", "1 INVITE", "SIP/2.0 487 Request Terminated")
    call = only(log(*ANSWERED[:3], gave_up))
    assert call.refused == "487"
    assert not call.is_complete


def test_given_messages_of_several_calls_when_read_then_each_is_one_call_in_the_order_of_their_beginning() -> None:
    other = [(at + 0.002, way, "2@a", cseq, first) for at, way, _, cseq, first in ANSWERED]
    found = calls_of(log(*sorted([*ANSWERED, *other]), ENDED))
    assert [call.begun_at for call in found] == [10.0, 10.002]
    assert [call.is_complete for call in found] == [True, False]


def test_given_half_a_line_and_a_stray_answer_when_read_then_they_are_no_call() -> None:
    stray = (1.0, "R", "9@a", "1 INVITE", "SIP/2.0 200 OK")
    assert calls_of([*log(stray), "2026-01-01\t00:00:00.0\t12.3\tS\t1@a"]) == []
