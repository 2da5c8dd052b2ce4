"""What the media relay is told of a call, message by message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kemi.routing.media import Direct, Offered, Relayed
from tests.support.fake_media import FakeMediaProxy
from tests.support.fake_sip import FakeMessage, FakeScene, invite
from tests.support.sip_text import sdp

SDP = [("Content-Type", "application/sdp")]
WITH_ICE = sdp() + "a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\n"
PARTS = f"--cut\r\nContent-Type: application/sdp\r\n\r\n{sdp()}\r\n--cut--\r\n"


class Scene(FakeScene):
    """A request on its way, with a relay that is told of it."""

    def __init__(self, request: FakeMessage) -> None:
        super().__init__(request)
        self.relay = FakeMediaProxy(self.message)
        self.media = Relayed(self.message, self.transaction, self.relay)

    def replied(self, status: int, body: str = "", *, branch: int = 0) -> None:
        """Go on to a reply, and tell of it."""
        self.reply(status, to_tag=f"callee-{branch}", branch=branch, body=body)
        self.at_hand = replace(self.at_hand, headers=list(SDP) if body else [])
        self.media.replied()

    def replied_within(self, status: int, body: str = "") -> None:
        """Go on to the reply of a request inside of a dialog."""
        self.at_hand = replace(self.request, status=status, body=body, headers=list(SDP) if body else [])
        self.media.replied()

    def fails(self, status: int = 480) -> None:
        self.failure(status)
        self.media.over()


def calling(body: str = sdp(), **fields: object) -> Scene:
    scene = Scene(invite(body=body, headers=list(SDP) if body else [], **fields))  # type: ignore[arg-type]
    scene.media.branch()
    return scene


def within(method: str, body: str = "", **fields: object) -> Scene:
    headers = list(SDP) if body else []
    scene = Scene(FakeMessage(method, to_tag="callee-0", body=body, headers=headers, **fields))  # type: ignore[arg-type]
    scene.media.within(scene.request)
    return scene


# Calls


def test_given_an_offer_when_rung_and_answered_then_each_description_is_told_as_what_it_is() -> None:
    scene = calling()
    scene.replied(183, sdp())
    scene.replied(200, sdp())
    assert scene.relay.asked == [
        ("offer", "INVITE", "7:42.0", False),
        ("answer", "183", "7:42.0", False),
        ("answer", "200", "7:42.0", False),
    ]
    assert scene.relay.deleted == []


def test_given_several_branches_when_sent_then_each_is_offered() -> None:
    scene = calling()
    scene.branch_out()
    scene.transaction.branch = 1
    scene.media.branch()
    assert scene.relay.asked == [("offer", "INVITE", "7:42.0", False), ("offer", "INVITE", "7:42.1", False)]


def test_given_no_offer_when_answered_then_the_reply_s_description_is_the_offer() -> None:
    scene = calling(body="")
    scene.replied(180)
    scene.replied(200, sdp())
    assert scene.relay.asked == [("offer", "200", "", False)]


def test_given_replies_without_descriptions_when_they_pass_then_the_relay_is_not_asked() -> None:
    scene = calling()
    for status in (100, 180, 200):
        scene.replied(status)
    assert scene.relay.asked == [("offer", "INVITE", "7:42.0", False)]


def test_given_an_offer_with_ice_when_answered_without_then_the_caller_is_answered_with_ice() -> None:
    scene = calling(WITH_ICE)
    scene.replied(200, sdp())
    assert scene.relay.asked == [("offer", "INVITE", "7:42.0", True), ("answer", "200", "7:42.0", True)]


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("application/sdp", sdp(), True),
        ("Application/SDP; charset=utf-8", sdp(), True),
        ("multipart/mixed;boundary=cut", PARTS, True),
        ("multipart/mixed;boundary=cut", "--cut\r\nContent-Type: text/plain\r\n\r\nx\r\n--cut--\r\n", False),
        ("multipart/alternative;boundary=cut", PARTS, False),
        ("application/isup", "x", False),
        ("", "x", False),
        ("application/sdp", "", False),
    ],
)
def test_given_a_body_when_offered_then_only_what_holds_a_description_is_told(kind: str, body: str, told: bool) -> None:
    scene = Scene(invite(body=body, headers=[("Content-Type", kind)]))
    scene.media.branch()
    assert bool(scene.relay.asked) is told


# How a call ends


def test_given_every_branch_ended_when_the_call_goes_on_then_each_is_deleted_once_and_the_next_is_offered_anew() -> (
    None
):
    scene = calling()
    scene.branch_out()
    scene.transaction.branch = 1
    scene.media.branch()
    scene.replied(486)
    scene.fails()
    scene.fails()
    assert scene.relay.deleted == ["7:42.0", "7:42.1"]
    scene.branch_out()
    scene.transaction.branch = 2
    scene.media.branch()
    scene.replied(200, sdp(), branch=2)
    assert scene.relay.asked[2:] == [("offer", "INVITE", "7:42.2", False), ("answer", "200", "7:42.2", False)]
    scene.fails()
    assert scene.relay.deleted[2:] == ["7:42.2"]


def test_given_an_offer_that_a_reply_made_when_every_branch_ended_then_the_call_is_deleted() -> None:
    scene = calling(body="")
    scene.replied(183, sdp())
    scene.fails()
    assert scene.relay.deleted == ["call"]


def test_given_a_phone_that_answered_when_the_others_end_then_their_branches_are_deleted_and_the_call_is_not() -> None:
    scene = calling()
    scene.replied(486, branch=0)
    assert scene.relay.deleted == [], "as long as nobody has answered it is not known what is left"
    scene.replied(200, sdp(), branch=1)
    scene.replied(487, branch=2)
    assert scene.relay.deleted == ["7:42.2"]


def test_given_a_phone_that_answered_when_another_still_describes_its_media_then_the_caller_s_is_not_turned_to_it() -> (
    None
):
    scene = calling()
    scene.replied(200, sdp(), branch=0)
    before = list(scene.relay.asked)
    scene.replied(183, sdp(), branch=1)
    assert (scene.relay.asked, scene.relay.deleted) == (before, [])
    scene.replied(200, sdp(), branch=1)
    assert (scene.relay.asked, scene.relay.deleted) == (before, ["7:42.1"])
    scene.replied(200, sdp(), branch=0)
    assert scene.relay.asked == [*before, ("answer", "200", "7:42.0", False)], "a repeated answer is told again"


def test_given_a_branch_forked_further_on_when_a_second_phone_of_it_answers_then_the_first_keeps_its_media() -> None:
    scene = calling()
    scene.replied(200, sdp(), branch=0)
    before = list(scene.relay.asked)
    scene.reply(200, to_tag="another", branch=0, body=sdp())
    scene.at_hand = replace(scene.at_hand, headers=list(SDP))
    scene.media.replied()
    assert (scene.relay.asked, scene.relay.deleted) == (before, [])


def test_given_a_request_that_was_never_offered_when_it_fails_then_the_relay_is_not_asked() -> None:
    scene = Scene(invite())
    scene.fails()
    assert (scene.relay.asked, scene.relay.deleted) == ([], [])


# Inside a dialog


@pytest.mark.parametrize(("method", "asked"), [("INVITE", "offer"), ("UPDATE", "offer"), ("ACK", "answer")])
def test_given_a_description_inside_a_dialog_when_sent_then_it_is_told_as_what_it_is(method: str, asked: str) -> None:
    assert within(method, sdp()).relay.asked == [(asked, method, "", False)]


def test_given_a_reinvite_when_answered_then_the_answer_is_told_of_the_dialog() -> None:
    scene = within("INVITE", sdp())
    scene.replied_within(200, sdp())
    assert scene.relay.asked[1:] == [("answer", "200", "", False)]


def test_given_a_reinvite_without_a_description_when_answered_then_the_answer_is_the_offer() -> None:
    scene = within("INVITE")
    scene.replied_within(200, sdp())
    assert scene.relay.asked == [("offer", "200", "", False)]


def test_given_a_prack_with_a_description_when_answered_with_one_then_both_are_told() -> None:
    scene = within("PRACK", sdp())
    scene.replied_within(200, sdp())
    assert scene.relay.asked == [("answer", "PRACK", "", False), ("answer", "200", "", False)]


@pytest.mark.parametrize("method", ["UPDATE", "ACK", "PRACK", "INFO", "REFER"])
def test_given_nothing_described_inside_a_dialog_when_sent_and_answered_then_the_relay_is_not_asked(
    method: str,
) -> None:
    scene = within(method)
    scene.replied_within(200, sdp())
    assert (scene.relay.asked, scene.relay.deleted) == ([], [])


@pytest.mark.parametrize("method", ["INFO", "MESSAGE", "NOTIFY"])
def test_given_a_body_that_is_no_offer_by_its_method_when_sent_then_the_relay_is_not_asked(method: str) -> None:
    assert within(method, sdp()).relay.asked == []


def test_given_a_reinvite_that_is_refused_when_it_fails_then_the_call_keeps_its_media() -> None:
    scene = within("INVITE", sdp())
    scene.replied_within(488)
    scene.fails(488)
    assert scene.relay.deleted == []


def test_given_a_bye_when_sent_then_its_dialog_is_deleted() -> None:
    assert within("BYE").relay.deleted == ["dialog"]


# What passes twice


def test_given_a_request_from_this_node_itself_when_it_passes_again_then_it_is_left_alone() -> None:
    scene = calling(is_own=True)
    scene.replied(200, sdp())
    scene.fails()
    assert (scene.relay.asked, scene.relay.deleted) == ([], [])
    for method in ("INVITE", "ACK", "BYE", "UPDATE", "PRACK"):
        scene = within(method, sdp(), is_own=True)
        assert (scene.relay.asked, scene.relay.deleted) == ([], []), method


def test_given_a_request_inside_a_dialog_when_its_branch_is_called_then_it_is_not_offered_twice() -> None:
    scene = within("INVITE", sdp())
    scene.media.branch()
    assert len(scene.relay.asked) == 1


# Notes, and no relay


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("ice", [True, False])
@pytest.mark.parametrize("branches", [(), ("7:42.0",), ("7:42.0", "7:42.12")])
def test_given_a_note_when_packed_then_it_is_read_as_it_was(
    late: bool, initial: bool, ice: bool, branches: tuple[str, ...]
) -> None:
    offered = Offered(late, initial, ice, branches)
    assert Offered.unpack(offered.pack()) == offered


def test_given_no_relay_when_told_then_nothing_is_remembered() -> None:
    scene = Scene(invite(body=sdp(), headers=list(SDP)))
    direct = Direct()
    direct.branch()
    direct.replied()
    direct.over()
    direct.within(scene.request)
    assert (scene.relay.asked, scene.relay.deleted, scene.transaction.notes) == ([], [], {})
