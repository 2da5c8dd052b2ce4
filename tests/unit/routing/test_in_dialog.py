"""Requests inside a dialog, and CANCEL: by the book, and what they tell of hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.model import DomainSettings
from kemi.dialogs.tracking import Device
from kemi.errors import NoSuchDialog, NotProvisioned, RequestRefused, StoreUnavailable
from kemi.routing.in_dialog import InDialog, ReplacesInDialog
from kemi.routing.media import Direct
from kemi.sip.dialog import DialogId
from kemi.sip.headers import COMPLETED_ELSEWHERE
from kemi.sip.ports import Callback, Message
from tests.support.directories import directory_of, extension
from tests.support.fake_sip import CALLEE_FLOW, DOMAIN, FLOW, FakeMessage, FakeScene
from tests.support.fake_store import FakeTracking

HOLD = "v=0\r\nc=IN IP4 192.0.2.3\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"
TALK = HOLD.replace("sendonly", "sendrecv")
ENDS = DialogId("call-1", "caller-tag"), DialogId("call-1", "callee-tag")


class RecordedMedia(Direct):
    """What passes inside of dialogs."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def within(self, message: Message) -> None:
        self.told.append(message.method)


class Talking:
    """`route`: the tenant that this node wrote into the Record-Route of the call; a CANCEL has no Route."""

    def __init__(
        self, folder: Path, request: FakeMessage, settings: DomainSettings | None = None, *, route: str = DOMAIN
    ) -> None:
        directory = directory_of(folder, extension("101"), extension("104"), settings=settings)
        self.scene = FakeScene(request)
        self.scene.proxy.route_tenant = route if request.to_tag else ""
        self.tracking = FakeTracking()
        self.provisioned = True

        def current():  # type: ignore[no-untyped-def]
            if not self.provisioned:
                raise NotProvisioned
            return directory

        scene = self.scene
        self.media = RecordedMedia()
        self.in_dialog = InDialog(
            current, scene.message, scene.transaction, self.tracking, scene.proxy, scene.late_answers, self.media
        )
        self.ended: list[tuple[str, DialogId]] = []
        self.in_dialog.ended = self._ended

    def _ended(self, domain: str, call: DialogId) -> None:
        assert self.tracking.told == [], "the store hears of it after that"
        self.ended.append((domain, call))

    def request(self) -> None:
        self.in_dialog.request(self.scene.request)

    def cancel(self) -> None:
        self.in_dialog.cancel(self.scene.request)

    @property
    def relays(self) -> int:
        return len(self.scene.transaction.sent)


def within(method: str, **fields: object) -> FakeMessage:
    """A request of the caller inside the dialog."""
    return FakeMessage(method=method, to_tag="callee-tag", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["INVITE", "BYE", "UPDATE", "INFO", "REFER", "NOTIFY", "PRACK", "MESSAGE", "ACK"])
def test_given_a_route_through_here_when_sent_then_it_is_relayed_once(method: str, tmp_path: Path) -> None:
    talking = Talking(tmp_path, within(method))
    talking.request()
    assert talking.relays == 1


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "PRACK", "ACK", "BYE"])
def test_given_a_call_that_came_through_here_when_it_goes_on_then_the_media_relay_is_told(
    method: str, tmp_path: Path
) -> None:
    talking = Talking(tmp_path, within(method))
    talking.request()
    assert talking.media.told == [method]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "PRACK", "ACK", "BYE"])
def test_given_a_call_of_another_node_when_it_goes_on_by_here_then_its_media_is_that_node_s_business(
    method: str, tmp_path: Path
) -> None:
    talking = Talking(tmp_path, within(method))
    talking.scene.proxy.route_is_edge = True
    talking.request()
    assert talking.media.told == []
    assert talking.scene.proxy.recorded_as_edge == ([True] if method in ("INVITE", "UPDATE") else [])
    assert talking.relays == 1


@pytest.mark.parametrize("method", ["INVITE", "ACK", "BYE"])
def test_given_a_route_that_begins_at_another_node_when_sent_here_then_it_is_passed_there_and_nothing_else_is_done(
    method: str, tmp_path: Path
) -> None:
    talking = Talking(tmp_path, within(method), route="")
    talking.scene.proxy.route_leads_here = False
    talking.scene.proxy.route_leads_to_peer = True
    talking.request()
    assert talking.relays == 1
    assert (talking.media.told, talking.tracking.told, talking.scene.proxy.recorded) == ([], [], [])


@pytest.mark.parametrize("method", ["UPDATE", "PRACK", "ACK", "BYE"])
def test_given_a_route_that_is_not_of_this_call_when_sent_then_the_media_relay_hears_nothing_of_it(
    method: str, tmp_path: Path
) -> None:
    """Nobody takes the relay's ports, or ends the media of others, by a Route that he wrote himself."""
    talking = Talking(tmp_path, within(method, body=TALK), route="")
    with pytest.raises(NoSuchDialog):
        talking.request()
    assert (talking.relays, talking.media.told) == (0, [])


def test_given_a_cancel_when_relayed_then_the_media_relay_is_not_told_before_the_call_has_ended(tmp_path: Path) -> None:
    talking = Talking(tmp_path, FakeMessage("CANCEL"))
    talking.cancel()
    assert talking.media.told == []


@pytest.mark.parametrize(("body", "armed"), [(TALK, Callback.PRACK_REPLY), ("", None)])
def test_given_a_prack_when_it_describes_media_then_its_answer_is_waited_for(
    body: str, armed: Callback | None, tmp_path: Path
) -> None:
    talking = Talking(tmp_path, within("PRACK", body=body))
    talking.request()
    (relay,) = talking.scene.transaction.sent
    assert (relay.reply, relay.failure) == (armed, None)
    assert talking.tracking.told == []


@pytest.mark.parametrize(("method", "expected"), [("INVITE", 1), ("UPDATE", 1), ("NOTIFY", 1), ("BYE", 0), ("ACK", 0)])
def test_given_a_request_when_it_may_bring_a_new_contact_then_it_is_record_routed_and_the_contact_keeps_its_flow(
    method: str, expected: int, tmp_path: Path
) -> None:
    talking = Talking(tmp_path, within(method))
    talking.request()
    assert talking.scene.proxy.recorded == [DOMAIN] * expected
    assert talking.scene.request.kept_flow == expected


def test_given_an_update_of_no_call_that_came_through_here_when_sent_then_nothing_is_sealed_for_it(
    tmp_path: Path,
) -> None:
    talking = Talking(tmp_path, within("UPDATE"))
    talking.scene.proxy.route_tenant = ""
    with pytest.raises(NoSuchDialog):
        talking.request()
    assert talking.scene.proxy.recorded == []
    assert talking.scene.request.kept_flow == 0


def test_given_a_relay_that_fails_when_sent_then_the_stack_answers(tmp_path: Path) -> None:
    talking = Talking(tmp_path, within("INFO"))
    talking.scene.transaction.relays_fail = 1
    talking.request()
    assert talking.scene.transaction.answered_failures == 1


@pytest.mark.parametrize("method", ["INVITE", "BYE", "UPDATE", "INFO"])
def test_given_no_route_when_sent_then_481_and_nothing_is_told(method: str, tmp_path: Path) -> None:
    talking = Talking(tmp_path, within(method))
    talking.scene.proxy.route_leads_here = False
    with pytest.raises(NoSuchDialog) as refused:
        talking.request()
    assert (refused.value.status, talking.relays, talking.tracking.told) == (481, 0, [])


@pytest.mark.parametrize(("known", "relays"), [(True, 1), (False, 0)])
def test_given_an_ack_without_route_when_sent_then_only_that_of_a_negative_answer_is_for_anybody(
    known: bool, relays: int, tmp_path: Path
) -> None:
    talking = Talking(tmp_path, within("ACK"))
    talking.scene.proxy.route_leads_here = False
    talking.scene.transaction.is_known = known
    talking.request()
    assert talking.relays == relays


@pytest.mark.parametrize("name", ["Replaces", "Join"])
def test_given_a_reinvite_that_names_another_dialog_when_sent_then_400(name: str, tmp_path: Path) -> None:
    """RFC 3891 §3: a Replaces header inside a dialog is refused with 400."""
    talking = Talking(tmp_path, within("INVITE", headers=[(name, "x;to-tag=1;from-tag=2")]))
    with pytest.raises(ReplacesInDialog) as refused:
        talking.request()
    assert (refused.value.status, talking.relays) == (400, 0)


def test_given_a_bye_when_it_passes_then_the_talk_is_over_seen_from_either_end(tmp_path: Path) -> None:
    talking = Talking(tmp_path, within("BYE"))
    talking.request()
    assert talking.tracking.told == [("over", DOMAIN, ENDS)]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_given_a_new_description_when_it_is_accepted_then_both_ends_hold_states_are_told_and_not_before(
    method: str, tmp_path: Path
) -> None:
    talking = Talking(tmp_path, within(method, body=HOLD))
    talking.request()
    assert talking.scene.transaction.sent[0].reply is Callback.RENEWED_REPLY
    assert talking.tracking.told == []

    talking.scene.reply(200, to_tag="callee-tag", body=TALK)
    talking.in_dialog.renewed()

    assert talking.tracking.told == [
        ("renewed", DOMAIN, ENDS, Device(FLOW.device, True)),
        ("renewed", DOMAIN, ENDS, Device(CALLEE_FLOW.device, False)),
    ]


@pytest.mark.parametrize("status", [100, 183, 486, 488, 491])
def test_given_a_new_description_when_it_is_not_accepted_then_nothing_is_told(status: int, tmp_path: Path) -> None:
    talking = Talking(tmp_path, within("INVITE", body=HOLD))
    talking.request()
    talking.scene.reply(status, to_tag="callee-tag")
    talking.in_dialog.renewed()
    assert talking.tracking.told == []


def test_given_a_request_without_a_description_when_accepted_then_the_hold_state_is_unchanged(
    tmp_path: Path,
) -> None:
    talking = Talking(tmp_path, within("UPDATE"))
    talking.request()
    talking.scene.reply(200, to_tag="callee-tag")
    talking.in_dialog.renewed()
    assert [words[3] for words in talking.tracking.told] == [
        Device(FLOW.device, None),
        Device(CALLEE_FLOW.device, None),
    ]


@pytest.mark.parametrize("far_end_is_the_sender", [True, False])
def test_given_an_end_at_another_node_when_descriptions_change_then_only_the_device_at_this_one_is_told_of(
    far_end_is_the_sender: bool, tmp_path: Path
) -> None:
    talking = Talking(tmp_path, within("INVITE", body=HOLD))
    peer = FLOW if far_end_is_the_sender else CALLEE_FLOW
    talking.in_dialog._is_peer = lambda source: source == (peer.ip, peer.port)
    talking.request()
    talking.scene.reply(200, to_tag="callee-tag", body=TALK)
    talking.in_dialog.renewed()
    devices = [words[3].flow for words in talking.tracking.told]  # type: ignore[attr-defined]
    assert devices == (["", CALLEE_FLOW.device] if far_end_is_the_sender else [FLOW.device, ""])


def test_given_an_answer_in_the_ack_when_it_passes_then_it_is_told(tmp_path: Path) -> None:
    """RFC 3264 §4: the 2xx made the offer."""
    talking = Talking(tmp_path, within("ACK", body=HOLD))
    talking.request()
    assert talking.tracking.told == [("renewed", DOMAIN, ENDS, Device(FLOW.device, True))]


def test_given_a_callee_of_ours_and_a_caller_from_outside_when_he_says_bye_then_it_is_told_of_our_tenant(
    tmp_path: Path,
) -> None:
    talking = Talking(tmp_path, within("BYE", from_host="elsewhere.example.org"))
    talking.request()
    assert talking.tracking.told == [("over", DOMAIN, ENDS)]


def test_given_no_tenant_of_ours_or_no_provisioning_when_it_passes_then_it_is_relayed_untold(
    tmp_path: Path,
) -> None:
    hosts = {"from_host": "a.example.org", "to_host": "b.example.org", "ruri_host": "192.0.2.9"}
    outside = Talking(tmp_path, within("BYE", **hosts), route="other.example.org")
    outside.request()
    assert (outside.relays, outside.tracking.told) == (1, [])
    talking = Talking(tmp_path, within("BYE"))
    talking.provisioned = False
    talking.request()
    assert (talking.relays, talking.tracking.told) == (1, [])


@pytest.mark.parametrize(
    ("route", "hosts", "tenant"),
    [
        (DOMAIN, ("a.example.org", "b.example.org", "192.0.2.9"), DOMAIN),
        ("other.example.org", (DOMAIN, "b.example.org", "192.0.2.9"), DOMAIN),
        ("other.example.org", ("a.example.org", DOMAIN, "192.0.2.9"), DOMAIN),
        ("other.example.org", ("a.example.org", "b.example.org", DOMAIN), DOMAIN),
        ("other.example.org", ("a.example.org", "b.example.org", "192.0.2.9"), ""),
        ("other.example.org", ("", "", ""), ""),
    ],
)
def test_given_a_request_when_its_tenant_is_asked_then_the_route_tells_it_else_one_of_the_hosts_or_it_has_none(
    route: str, hosts: tuple[str, str, str], tenant: str, tmp_path: Path
) -> None:
    """A call from or to a trunk has foreign hosts; only our own Record-Route knows whose it is."""
    fields = dict(zip(("from_host", "to_host", "ruri_host"), hosts, strict=True))
    talking = Talking(tmp_path, within("BYE", **fields), route=route)
    talking.request()
    assert talking.relays == 1
    assert talking.tracking.named("over") == ([(tenant, ENDS)] if tenant else [])


@pytest.mark.parametrize(
    ("route", "hosts", "tenant"),
    [
        (DOMAIN, ("a.example.org", "b.example.org", "192.0.2.9"), DOMAIN),
        ("other.example.org", ("a.example.org", DOMAIN, "192.0.2.9"), DOMAIN),
        ("other.example.org", ("a.example.org", "b.example.org", "192.0.2.9"), ""),
    ],
)
def test_given_a_reinvite_of_a_call_that_came_through_here_when_it_passes_then_its_tenant_is_recorded_again(
    route: str, hosts: tuple[str, str, str], tenant: str, tmp_path: Path
) -> None:
    fields = dict(zip(("from_host", "to_host", "ruri_host"), hosts, strict=True))
    talking = Talking(tmp_path, within("INVITE", **fields), route=route)
    talking.request()
    assert (talking.relays, talking.scene.proxy.recorded) == (1, [tenant])


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "BYE", "REFER", "INFO", "NOTIFY", "MESSAGE", "PRACK", "ACK"])
def test_given_a_route_that_this_node_did_not_write_for_the_call_when_followed_then_481_and_nothing_passes(
    method: str, tmp_path: Path
) -> None:
    """Anybody can write a To tag and a Route; on to a trunk that would be a call without credentials, and with the
    names of a call, moving its media, ending or transferring it."""
    talking = Talking(tmp_path, within(method, body=HOLD), route="")
    with pytest.raises(NoSuchDialog) as refused:
        talking.request()
    assert (refused.value.status, talking.relays, talking.tracking.told) == (481, 0, [])
    assert (talking.scene.proxy.recorded, talking.scene.transaction.notes) == ([], {})


# CANCEL


def test_given_no_transaction_when_cancelled_then_481(tmp_path: Path) -> None:
    talking = Talking(tmp_path, FakeMessage("CANCEL"))
    talking.scene.transaction.cancels = ""
    with pytest.raises(RequestRefused) as refused:
        talking.cancel()
    assert (refused.value.status, talking.tracking.told) == (481, [])


def test_given_another_call_s_cancel_when_its_branch_is_a_call_s_that_rings_then_481_and_that_call_rings_on(
    tmp_path: Path,
) -> None:
    """The stack finds the INVITE by the branch, which any sender can write; the Call-ID must be the INVITE's too."""
    talking = Talking(tmp_path, FakeMessage("CANCEL", call_id="another"))
    talking.scene.transaction.cancels = "call-1"
    talking.tracking.picker = "103"
    with pytest.raises(NoSuchDialog) as refused:
        talking.cancel()
    assert (refused.value.status, talking.relays, talking.tracking.told) == (481, 0, [])
    assert (talking.scene.request.appended, talking.scene.request.removed) == ([], [])


def test_given_a_call_that_nobody_picked_up_when_cancelled_then_it_is_relayed_as_it_is_and_forgotten(
    tmp_path: Path,
) -> None:
    talking = Talking(tmp_path, FakeMessage("CANCEL", headers=[("Reason", "Q.850;cause=16")]))
    talking.cancel()
    assert (talking.relays, talking.scene.request.appended, talking.scene.request.removed) == (1, [], [])
    assert talking.tracking.told == [("ended", DOMAIN, ENDS[0])]
    assert talking.ended == [(DOMAIN, ENDS[0])]
    assert talking.scene.marks.refused == [], "an answer that crosses a caller's own CANCEL is his to end"
    assert talking.scene.transaction.said_elsewhere == []


def test_given_a_call_that_was_picked_up_when_cancelled_then_the_phones_learn_it_and_before_the_relay(
    tmp_path: Path,
) -> None:
    talking = Talking(tmp_path, FakeMessage("CANCEL", headers=[("Reason", "SIP;cause=487")]))
    talking.tracking.picker = "103"
    talking.cancel()
    assert talking.scene.request.removed == ["Reason"]
    assert talking.scene.request.appended == [COMPLETED_ELSEWHERE]
    assert talking.scene.proxy.did == ["apply_changes"]
    assert talking.relays == 1
    assert talking.scene.marks.refused == [(ENDS[0], "")], "no answer may reach the caller any more"
    assert talking.scene.transaction.said_elsewhere == []


def test_given_completed_elsewhere_off_when_a_picked_up_call_is_cancelled_then_no_reason_is_added(
    tmp_path: Path,
) -> None:
    talking = Talking(tmp_path, FakeMessage("CANCEL"), DomainSettings(completed_elsewhere=False))
    talking.tracking.picker = "103"
    talking.cancel()
    assert (talking.relays, talking.scene.request.appended) == (1, [])
    assert talking.scene.marks.refused == [(ENDS[0], "")]
    assert talking.scene.transaction.said_elsewhere == []


@pytest.mark.parametrize("dialled", ["*87101", "%2A87"])
def test_given_a_pickup_under_way_when_its_picker_cancels_then_no_call_of_that_name_is_forgotten(
    dialled: str, tmp_path: Path
) -> None:
    talking = Talking(tmp_path, FakeMessage("CANCEL", ruri_user=dialled))
    talking.cancel()
    assert (talking.relays, talking.tracking.told, talking.ended) == (1, [], [])


def test_given_a_store_that_is_away_when_cancelled_then_it_is_relayed(tmp_path: Path) -> None:
    talking = Talking(tmp_path, FakeMessage("CANCEL"))
    talking.tracking.fails = StoreUnavailable("no answer")
    talking.cancel()
    assert (talking.relays, talking.ended) == (1, [(DOMAIN, ENDS[0])])
