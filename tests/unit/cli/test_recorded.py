"""A ladder out of the entries of the pickup record."""

from __future__ import annotations

from kemi.cli.ladder import draw
from kemi.cli.recorded import messages_of_record
from kemi.pickup.event import PickupEvent

REFUSED = PickupEvent(
    *("pbx.example.com", "102", "101", "not_on_hold", 486),
    account="101",
    caller="sip:104@pbx.example.com",
    call_id="one@here",
    at_ms=10_000,
)
PICKED = PickupEvent(
    *("pbx.example.com", "103", "101", "picked_up", 200),
    mode="replaces",
    account="101",
    caller="sip:104@pbx.example.com",
    call_id="one@here",
    tried=1,
    waited_ms=3_000,
    rang=("101",),
    took_ms=8,
    at_ms=12_008,
)


def labels(*events: PickupEvent) -> list[tuple[int, str, str, str]]:
    first = min(message.at_s for message in messages_of_record(events))
    return [(round((m.at_s - first) * 1000), m.source, m.target, m.label) for m in messages_of_record(events)]


def test_given_a_pickup_when_told_then_moments_are_those_of_the_record() -> None:
    assert labels(PICKED) == [
        (0, "104", "star87", "INVITE 101"),
        (0, "star87", "101", "INVITE 101"),
        (0, "star87", "104", "180 Ringing"),
        (3000, "103", "star87", "INVITE *87101"),
        (3000, "star87", "104", "INVITE 104"),
        (3008, "104", "star87", "200 OK"),
        (3008, "star87", "103", "200 OK"),
        (3008, "104", "star87", "CANCEL 101"),
        (3008, "star87", "101", "CANCEL 101"),
    ]


def test_given_a_refusal_when_told_then_the_picker_s_answer_is_there_and_nothing_reaches_the_caller() -> None:
    told = labels(REFUSED)
    assert told[-2:] == [
        (0, "102", "star87", "INVITE *87101"),
        (0, "star87", "102", "486 Hold Your Current Call First"),
    ]
    assert not any(source == "star87" and target == "104" and "INVITE" in label for _, source, target, label in told)


def test_given_several_attempts_when_told_then_the_call_begins_once() -> None:
    told = labels(REFUSED, PICKED)
    assert sum(label == "INVITE 101" and source == "104" for _, source, _, label in told) == 1
    assert [source for _, source, _, label in told if label == "INVITE *87101"] == ["102", "103"]
    assert "again" not in draw(messages_of_record([PICKED, PICKED]), {})


def test_given_a_phone_that_named_the_call_itself_when_told_then_it_dialled_no_code() -> None:
    by_lamp = PickupEvent(
        *("pbx.example.com", "103", "", "replaces_denied", 403), by="replaces", account="101", call_id="one@here"
    )
    assert [label for _, _, _, label in labels(by_lamp)] == ["INVITE 101", "403 Pickup Not Permitted"]
