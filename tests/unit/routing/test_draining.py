"""A node that drains refuses what begins a call, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.model import Forward
from kemi.errors import NodeDrains
from kemi.routing.draining import Drain, Draining
from tests.support.directories import extension
from tests.support.fake_sip import DOMAIN, FakeMessage, invite
from tests.unit.routing.conftest import DIALOG, VOICEMAIL, Maker
from tests.unit.routing.node import Node
from tests.unit.routing.trunking import CARRIER, Trunking


def drained(folder: Path, request: FakeMessage, *, user: str | None = "104") -> Node:
    node = Node(folder, request, user=user)
    node.initial.draining = Draining(lambda: Drain.YES)
    return node


@pytest.mark.parametrize("user", ["104", None])
@pytest.mark.parametrize("number", ["101", "700", "800", "+15550100"])
def test_given_a_node_that_drains_when_a_call_begins_then_503_before_a_password_is_asked_for(
    tmp_path: Path, number: str, user: str | None
) -> None:
    node = drained(tmp_path, invite(number), user=user)
    with pytest.raises(NodeDrains) as refused:
        node.route()
    assert (refused.value.status, refused.value.retry_after_s) == (503, 10)
    assert (node.digest.challenges, node.relays, node.tracking.told) == ([], 0, [])


def test_given_a_node_that_drains_when_a_trunk_sends_a_call_then_503(tmp_path: Path) -> None:
    request = invite("+15550100")
    request.flow = CARRIER
    with pytest.raises(NodeDrains):
        drained(tmp_path, request).route()


def test_given_a_node_that_drains_when_it_is_probed_then_503(tmp_path: Path) -> None:
    with pytest.raises(NodeDrains):
        drained(tmp_path, FakeMessage("OPTIONS", ruri_user="")).route()


def test_given_a_node_that_drains_when_a_phone_asks_another_by_options_then_it_passes(tmp_path: Path) -> None:
    node = drained(tmp_path, FakeMessage("OPTIONS", ruri_user="101", ruri_host=DOMAIN))
    node.route()
    assert node.relays == 1


@pytest.mark.parametrize("dialled", ["*87", "*87101", "*87101%23", "*64"])
def test_given_a_node_that_drains_when_a_feature_code_is_dialled_then_it_is_carried_out(
    tmp_path: Path, dialled: str
) -> None:
    node = drained(tmp_path, invite(dialled))
    node.route()
    assert (node.relays, [reply[0] for reply in node.scene.transaction.replies]) in [(1, []), (0, [480])]


def test_given_a_node_that_drains_when_a_phone_registers_then_it_may(tmp_path: Path) -> None:
    node = drained(tmp_path, FakeMessage("REGISTER", to_user="104"))
    node.route()
    assert node.scene.location.saved == 1


def test_given_the_end_of_a_drain_when_a_call_s_branches_were_cancelled_then_503_and_nothing_else_is_tried(
    placing: Maker,
) -> None:
    call = placing(extension("101"), registered=("101",))
    call.place("101")
    call.calls.draining = Draining(lambda: Drain.LAST)
    call.scene.failure(487)

    call.calls.failed()

    ((status, reason, headers),) = call.scene.transaction.replies
    assert (status, reason, headers) == (503, "Node Is Draining", ("Retry-After: 10",))
    assert len(call.rang) == 1
    assert call.tracking.named("forget") == [(DOMAIN, DIALOG)]


def test_given_the_end_of_a_drain_when_a_call_rang_outside_then_503(placing: Maker) -> None:
    call = placing(extension("101", no_answer=Forward(VOICEMAIL, 20)))
    call.place("101")
    assert call.rang == [(VOICEMAIL,)]
    call.calls.draining = Draining(lambda: Drain.LAST)
    call.scene.failure(487)
    call.calls.failed()
    assert [reply[0] for reply in call.scene.transaction.replies] == [503]


@pytest.mark.parametrize("status", [487, 408, 503])
def test_given_the_end_of_a_drain_when_a_trunk_has_not_answered_then_503_and_no_other_destination(
    tmp_path: Path, status: int
) -> None:
    trunking = Trunking(tmp_path, invite("+1-555"))
    trunking.send()
    trunking.trunks.draining = Draining(lambda: Drain.LAST)
    with pytest.raises(NodeDrains):
        trunking.fails(status, silent=status == 408)
    assert len(trunking.sent) == 1


def test_given_a_drain_that_still_lasts_when_nobody_answers_then_the_call_goes_on_as_ever(placing: Maker) -> None:
    call = placing(extension("101"), registered=("101",))
    call.place("101")
    call.calls.draining = Draining(lambda: Drain.YES)
    call.scene.failure(486)

    call.calls.failed()

    assert call.scene.transaction.replies == []
