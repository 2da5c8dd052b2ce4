"""Every request that comes in: the order of checks, and where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.directory import Directory
from kemi.errors import (
    NoSuchAccount,
    NotAuthorized,
    NotProvisioned,
    NotReachable,
    RequestRefused,
    UnknownDomain,
)
from kemi.pickup.service import PickupService
from kemi.routing.calls import Calls
from kemi.routing.identity import Identity
from kemi.routing.in_dialog import InDialog, NoSuchDialog
from kemi.routing.requests import MethodNotAllowed, Requests, TooManyHops
from kemi.settings import Settings
from tests.support.directories import directory_of, extension, hunt_group
from tests.support.fake_sip import DOMAIN, FakeMessage, FakeScene, invite
from tests.support.fake_store import FakePickupStore, FakeRecord, FakeTracking, ringing_call
from tests.unit.routing.test_identity import FakeDigest


class Node:
    """A worker with fakes around it; 104 is who authenticates."""

    def __init__(self, folder: Path, request: FakeMessage, *, user: str | None = "104") -> None:
        self.directory = directory_of(
            folder,
            extension("101", monitored_by=("104",)),
            extension("104", "Dave"),
            hunt_group("700"),
        )
        self.provisioned = True
        self.scene = FakeScene(request, registered=("101",))
        self.tracking, self.store, self.record = (
            FakeTracking(),
            FakePickupStore(ringing_call(number="101")),
            FakeRecord(),
        )
        scene = self.scene
        self.requests = Requests(
            self.current,
            scene.proxy,
            scene.transaction,
            scene.location,
            Identity(FakeDigest(user)),
            InDialog(self.current, scene.message, scene.transaction, self.tracking, scene.proxy),
            Calls(self.current, scene.message, scene.transaction, scene.location, self.tracking, Settings()),
            PickupService(
                self.current, scene.message, scene.transaction, self.store, self.record, Settings()
            ),
        )

    def current(self) -> Directory:
        if not self.provisioned:
            raise NotProvisioned
        return self.directory

    def route(self) -> None:
        self.requests.route(self.scene.request)

    @property
    def relays(self) -> int:
        return len(self.scene.transaction.sent)


# Checks


def test_given_no_hops_left_when_routed_then_483_before_all_else(tmp_path: Path) -> None:
    node = Node(tmp_path, invite())
    node.scene.proxy.hops_left = False
    with pytest.raises(TooManyHops) as refused:
        node.route()
    assert (refused.value.status, node.scene.proxy.did) == (483, ["answer_to_source", "hops"])


def test_given_a_malformed_request_when_routed_then_nothing_more_is_done(tmp_path: Path) -> None:
    node = Node(tmp_path, invite())
    node.scene.proxy.sane = False
    node.route()
    assert (node.relays, node.scene.transaction.replies) == (0, [])
    assert node.scene.proxy.did[-1] == "sanity"


def test_given_a_retransmission_when_routed_then_nothing_more_is_done(tmp_path: Path) -> None:
    node = Node(tmp_path, invite())
    node.scene.proxy.retransmission = True
    node.route()
    assert (node.relays, node.scene.transaction.replies, node.tracking.told) == (0, [], [])


def test_given_no_provisioning_when_routed_then_nothing_is_guessed(tmp_path: Path) -> None:
    for request in (invite(), FakeMessage("REGISTER"), FakeMessage("OPTIONS", ruri_user="")):
        node = Node(tmp_path, request)
        node.provisioned = False
        with pytest.raises(NotProvisioned):
            node.route()
        assert (node.relays, node.scene.location.saved) == (0, 0)


# Where it belongs


def test_given_a_to_tag_when_routed_then_it_goes_by_its_route(tmp_path: Path) -> None:
    node = Node(tmp_path, invite(to_tag="b"))
    node.scene.proxy.route_leads_here = False
    with pytest.raises(NoSuchDialog):
        node.route()


def test_given_an_ack_that_belongs_to_nothing_when_routed_then_silence(tmp_path: Path) -> None:
    for known, relays in ((False, 0), (True, 1)):
        node = Node(tmp_path, FakeMessage("ACK"))
        node.scene.transaction.is_known = known
        node.route()
        assert (node.relays, node.scene.transaction.replies) == (relays, [])
        assert "retransmission" not in node.scene.proxy.did


def test_given_a_register_when_authenticated_then_it_is_saved_and_when_challenged_it_is_not(
    tmp_path: Path,
) -> None:
    for user, saved in (("104", 1), (None, 0)):
        node = Node(tmp_path, FakeMessage("REGISTER", to_user="104"), user=user)
        node.route()
        assert node.scene.location.saved == saved


def test_given_a_register_of_another_when_routed_then_403_and_not_saved(tmp_path: Path) -> None:
    node = Node(tmp_path, FakeMessage("REGISTER", to_user="101"))
    with pytest.raises(NotAuthorized):
        node.route()
    assert node.scene.location.saved == 0


def test_given_options_for_the_node_when_routed_then_200_says_what_it_takes(tmp_path: Path) -> None:
    node = Node(tmp_path, FakeMessage("OPTIONS", ruri_user=""), user=None)
    node.route()
    ((status, _, headers),) = node.scene.transaction.replies
    assert status == 200
    assert any(line.startswith("Allow: ") and "INVITE" in line for line in headers)


def test_given_a_call_when_routed_then_it_is_record_routed_placed_and_relayed(tmp_path: Path) -> None:
    node = Node(tmp_path, invite("101"))
    node.route()
    assert "record_route" in node.scene.proxy.did
    assert [placed.caller.number for placed in node.tracking.placed] == ["104"]
    assert node.relays == 1


def test_given_a_route_that_the_phone_was_told_when_a_call_is_routed_then_it_is_taken_off(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, invite("101"))
    node.route()
    assert "Route" in node.scene.request.removed


def test_given_a_caller_who_is_challenged_when_routed_then_nothing_is_relayed_or_told(tmp_path: Path) -> None:
    for dialled in ("101", "*87", "199"):
        node = Node(tmp_path, invite(dialled), user=None)
        node.route()
        assert (node.relays, node.tracking.told, node.store.asked) == (0, [], [])


def test_given_an_escaped_number_when_called_then_it_is_the_same_account(tmp_path: Path) -> None:
    node = Node(tmp_path, invite("%31%30%31;phone-context=x"))
    node.route()
    assert node.tracking.placed[0].number == "101"


@pytest.mark.parametrize(
    ("request_", "refusal", "status"),
    [
        (invite("199"), NoSuchAccount, 404),
        (invite("101", ruri_host="other.example.com"), NotAuthorized, 403),
        (invite("101", headers=[("Replaces", "x;to-tag=1;from-tag=2")]), NotAuthorized, 403),
        (invite("101", headers=[("Join", "x;to-tag=1;from-tag=2")]), NotAuthorized, 403),
        (invite("101", from_user="101"), NotAuthorized, 403),
        (FakeMessage("INVITE", from_host="a.example.org", ruri_host="b.example.org"), UnknownDomain, 403),
        (FakeMessage("MESSAGE", ruri_user="*87"), MethodNotAllowed, 405),
        (FakeMessage("MESSAGE", ruri_user="700"), MethodNotAllowed, 405),
        (FakeMessage("MESSAGE", ruri_user="104"), NotReachable, 480),
    ],
)
def test_given_what_may_not_be_when_routed_then_it_is_refused_and_nothing_is_relayed(
    request_: FakeMessage, refusal: type[RequestRefused], status: int, tmp_path: Path
) -> None:
    node = Node(tmp_path, request_)
    with pytest.raises(refusal) as refused:
        node.route()
    assert (refused.value.status, node.relays) == (status, 0)


@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "OPTIONS", "NOTIFY"])
def test_given_a_request_outside_of_calls_when_routed_then_the_extension_s_phones_get_it(
    method: str, tmp_path: Path
) -> None:
    node = Node(tmp_path, FakeMessage(method, ruri_user="101"))
    node.route()
    assert node.scene.transaction.sent[0].branches == (f"101@{DOMAIN}",)
    assert node.tracking.told == []
    assert ("record_route" in node.scene.proxy.did) == (method == "SUBSCRIBE")


@pytest.mark.parametrize("dialled", ["*87", "*87101", "%2A87101%23"])
def test_given_the_pickup_code_when_dialled_then_the_pickup_begins(dialled: str, tmp_path: Path) -> None:
    node = Node(tmp_path, invite(dialled))
    node.route()
    assert len(node.store.asked) == 1
    assert node.store.asked[0].picker.number == "104"
    assert "record_route" in node.scene.proxy.did


def test_given_a_relay_that_fails_when_a_message_is_routed_then_the_stack_answers(tmp_path: Path) -> None:
    node = Node(tmp_path, FakeMessage("MESSAGE", ruri_user="101"))
    node.scene.transaction.relays_fail = 1
    node.route()
    assert node.scene.transaction.answered_failures == 1


def test_given_a_cancel_when_routed_then_it_goes_to_its_transaction_before_any_other_question(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, FakeMessage("CANCEL"))
    node.scene.proxy.retransmission = True
    node.route()
    assert node.relays == 1
