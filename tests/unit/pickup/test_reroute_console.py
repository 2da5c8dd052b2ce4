"""The caller's INVITE, sent to every device of who asked at a console: what leaves, and what comes of an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.errors import NotTaken
from kemi.pickup.attempt import Attempt
from kemi.pickup.event import BY_CONSOLE
from kemi.sip.flow import Flow
from kemi.sip.headers import OWN_ROUTE
from kemi.sip.ports import Callback, device_note
from tests.support.fake_sip import CALLEE_FLOW, DOMAIN
from tests.unit.pickup.rerouting import ANSWER_MS, Sent


def sent(folder: Path, *, devices: int = 1) -> Sent:
    call = Sent(folder)
    key, offer = next(iter(call.store.offers.items()))
    attempt = Attempt.unpack(offer)._replace(flow="", contact=f"sip:103@{DOMAIN}", by=BY_CONSOLE)
    call.store.offers[key] = attempt.pack()
    call.scene.location.registered = [f"103@{DOMAIN}"] * devices
    call.reroute.ring_devices = lambda number, domain: call.scene.location.ring(number, domain, first=True)
    return call


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_given_devices_when_the_call_comes_round_then_all_ring_and_only_a_single_one_is_to_answer_by_itself(
    devices: int, tmp_path: Path
) -> None:
    call = sent(tmp_path, devices=devices)
    call.arrives()
    (relay,) = call.scene.transaction.sent
    assert relay.branches == (f"103@{DOMAIN}",) * devices
    assert (relay.branch, relay.reply, relay.failure) == (
        Callback.REROUTE_BRANCH,
        Callback.REROUTE_REPLY,
        Callback.REROUTE_FAILURE,
    )
    assert (relay.answer_ms, relay.silence_ms) == (ANSWER_MS, ANSWER_MS)
    added = [line.partition(":")[0] for line in call.scene.request.appended]
    assert added == ["P-Asserted-Identity", *(["Call-Info", "Alert-Info"] if devices == 1 else [])]
    assert "Alert-Info" in call.scene.request.removed, "the caller's own word"


def test_given_devices_that_have_gone_when_the_call_comes_round_then_it_is_not_taken_and_given_back(
    tmp_path: Path,
) -> None:
    call = sent(tmp_path, devices=0)
    with pytest.raises(NotTaken):
        call.arrives()
    assert call.scene.transaction.sent == []
    assert call.store.released == [call.call.key]
    assert call.record.outcomes() == [("not_taken", 202)]


def test_given_a_branch_when_it_leaves_by_another_socket_then_its_record_route_names_that_one(tmp_path: Path) -> None:
    call = sent(tmp_path)
    call.scene.request.headers += [
        ("Record-Route", f"<sip:127.0.0.1:5059;r2=on;lr;{OWN_ROUTE}=t.0>"),
        ("Record-Route", f"<sip:192.0.2.1:5060;r2=on;lr;{OWN_ROUTE}=t.0>"),
    ]
    call.arrives()
    call.scene.transaction.leaves_by = Flow("tcp", "192.0.2.3", 4711, "tcp:192.0.2.1:5060")
    branch = call.scene.branch_out()
    call.reroute.dress_branch()
    routes = [line for line in branch.appended if line.startswith("Record-Route")]
    assert "192.0.2.1:5060;transport=tcp" in routes[0]
    assert not any("5059" in line for line in routes)


def test_given_a_branch_of_anybody_else_when_it_leaves_then_nothing_of_it_is_changed(tmp_path: Path) -> None:
    call = sent(tmp_path)
    branch = call.scene.branch_out()
    call.reroute.dress_branch()
    assert (branch.appended, branch.removed) == ([], [])


def test_given_an_answer_when_it_comes_then_the_device_that_gave_it_is_the_picker_s(tmp_path: Path) -> None:
    call = sent(tmp_path, devices=2)
    call.arrives()
    call.answers()
    (picked,) = call.picks
    assert picked.picker.flow == CALLEE_FLOW.device
    assert [(event.outcome, event.status, event.by) for event in call.record.events] == [("picked_up", 202, "console")]


def test_given_an_answer_by_way_of_another_node_when_it_comes_then_the_phone_behind_that_is_the_picker_s_device(
    tmp_path: Path,
) -> None:
    call = sent(tmp_path, devices=2)
    call.arrives()
    call.scene.transaction.remember(device_note(1), "tcp:192.0.2.77:4711")
    answer = call.scene.reply(200, to_tag="carol", branch=1)
    call.reroute.replied()
    (picked,) = call.picks
    assert picked.picker.flow == "tcp:192.0.2.77:4711"
    assert answer.kept_flow == 0, "that node has written down how its phone is reached"


@pytest.mark.parametrize(("cancelled", "outcome"), [(False, "not_taken"), (True, "lost")])
def test_given_no_answer_when_all_have_failed_then_the_claim_is_released_and_it_is_written_down(
    cancelled: bool, outcome: str, tmp_path: Path
) -> None:
    call = sent(tmp_path)
    call.arrives()
    with pytest.raises(NotTaken):
        call.fails(486, cancelled=cancelled)
    assert call.store.released == [call.call.key]
    assert call.record.outcomes() == [(outcome, 202)]
