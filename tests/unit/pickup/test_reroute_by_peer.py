"""A call that is sent to a picker's device at another node."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.errors import NotTaken
from kemi.nodes.hop import REACH
from kemi.nodes.peer import Peer
from kemi.pickup.attempt import Attempt
from tests.support.fake_sip import DOMAIN
from tests.unit.pickup.conftest import PICKER_CONTACT, PICKER_FLOW
from tests.unit.pickup.rerouting import ANSWER_MS, Sent

OTHER = Peer("other", "1", "udp:192.0.2.50:5060")
EDGE = "<sip:edge.example.com;lr>"


def sent(folder: Path, **more: object) -> Sent:
    """The picker is at the other node."""
    call = Sent(folder, routes=(EDGE,), **more)  # type: ignore[arg-type]
    call.peers.transaction = call.scene.transaction
    call.store.offers = {
        key: Attempt.unpack(offer)._replace(peer=OTHER.instance).pack() for key, offer in call.store.offers.items()
    }
    return call


def test_given_a_picker_at_another_node_when_the_call_comes_round_then_it_goes_there_with_flow_and_route_set(
    tmp_path: Path,
) -> None:
    call = sent(tmp_path)
    call.peers.others = (OTHER,)
    call.arrives()
    assert call.peers.aimed == [(OTHER.instance, PICKER_CONTACT)]
    assert call.peers.instructed == [
        (OTHER.instance, REACH, (DOMAIN, PICKER_CONTACT, str(PICKER_FLOW), str(ANSWER_MS), EDGE))
    ]
    assert not any(line.startswith("Route:") for line in call.scene.request.appended)
    assert "Record-Route" not in call.scene.request.removed
    assert any("answer-after=0" in line for line in call.scene.request.appended)


def test_given_a_picker_s_node_that_has_died_when_the_call_comes_round_then_it_rings_on_where_it_rang(
    tmp_path: Path,
) -> None:
    call = sent(tmp_path)
    with pytest.raises(NotTaken):
        call.arrives()
    assert call.scene.transaction.sent == []
    assert len(call.store.released) == 1
    assert call.record.outcomes() == [("not_taken", 480)]


def test_given_the_device_s_answer_when_it_came_by_its_node_then_the_pickup_is_made_here(
    tmp_path: Path,
) -> None:
    call = sent(tmp_path)
    call.peers.others = (OTHER,)
    call.arrives()
    call.answers(200)
    assert len(call.store.picks) == 1
    assert call.store.picks[0].picker.flow == PICKER_FLOW.device
    assert call.record.outcomes() == [("picked_up", 480)]
