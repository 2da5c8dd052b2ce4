"""Two devices may answer one call: the first answer goes on. What was relayed too late ends once it is acknowledged."""

from __future__ import annotations

from dataclasses import dataclass, field

from kemi.dialogs.far_end import FarEnd
from kemi.dialogs.late_answers import LateAnswers
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.sip.record_route import routes_before
from tests.support.fake_sip import FakeMessage
from tests.support.fake_spiral import FakeSpiral

DIALOG = DialogId("call-1", "caller-tag")
CALLEE = Flow("udp", "192.0.2.7", 5060, "udp:192.0.2.1:5060")
CALLER = Flow("tcp", "192.0.2.9", 40000, "tcp:192.0.2.1:5060")
OURS, EDGE, ACCESS = "<sip:192.0.2.1;lr;tenant=x.y>", "<sip:edge;lr>", "<sip:access;lr>"
FAR = FarEnd(
    "call-1", '"A;tag=no" <sip:201@x;tag=no>;tag=caller-tag', "<sip:101@x>;tag=bob", 2, "sip:101@c", str(CALLEE), ()
)
NEAR = FAR.other_end("sip:201@c", str(CALLER), (ACCESS,))


@dataclass
class Marks:
    """What kamailio.cfg reads, as a dictionary."""

    refused: dict[str, str] = field(default_factory=dict)
    single: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    kept: dict[str, str] = field(default_factory=dict)

    def refuse(self, dialog: DialogId, winner: str) -> None:
        self.refused[dialog.key] = winner or "-"

    def refuse_one(self, dialog: DialogId, callee_tag: str) -> None:
        self.single.add(dialog.key + callee_tag)

    def is_first(self, dialog: DialogId, callee_tag: str) -> bool:
        first = dialog.key + callee_tag not in self.ended
        self.ended.add(dialog.key + callee_tag)
        return first

    def contest(self, dialog: DialogId) -> None:
        self.refused[dialog.key] = "?"

    def wins(self, dialog: DialogId, callee_tag: str) -> bool:
        if self.refused.get(dialog.key) == "?":
            self.refused[dialog.key] = callee_tag
        return self.refused.get(dialog.key) in (None, callee_tag)

    def is_taken(self, dialog: DialogId, besides: str) -> bool:
        return self.refused.get(dialog.key, "?") not in ("?", besides)

    def open(self, dialog: DialogId, callee_tag: str) -> None:
        if self.refused.get(dialog.key) in ("?", callee_tag):
            del self.refused[dialog.key]

    def keep(self, dialog: DialogId, callee_tag: str, note: str) -> None:
        self.kept[dialog.key + callee_tag] = note

    def take(self, dialog: DialogId, callee_tag: str) -> str:
        return self.kept.pop(dialog.key + callee_tag, "")

    def lets(self, callee_tag: str) -> bool:
        """Whether kamailio.cfg would relay this answer."""
        only = self.refused.get(DIALOG.key)
        return only in (None, callee_tag) and DIALOG.key + callee_tag not in self.single


class Nowhere:
    def aim(self, uri: str, flow: Flow | None = None) -> None:
        raise AssertionError(uri, flow)


class Spiral(FakeSpiral):
    def __init__(self) -> None:
        super().__init__(Nowhere())

    @property
    def sent(self) -> list[tuple[str, str, str]]:
        """Method, target and next hop."""
        return [(method, uri, str(next_hop)) for method, uri, next_hop, _ in self.begun]


class Scene:
    def __init__(self) -> None:
        self.message = FakeMessage()
        self.marks, self.spiral = Marks(), Spiral()
        self.late = LateAnswers(lambda: self.message, self.marks, self.spiral)

    def comes(self, callee_tag: str) -> None:
        """What kamailio.cfg does with a 200."""
        self.message = _message("INVITE", 200, callee_tag)
        if self.marks.refused.get(DIALOG.key) == "?":
            self.late.contested()
        if not self.marks.lets(callee_tag):
            self.late.arrived()

    def acknowledges(self, callee_tag: str) -> None:
        self.late.acknowledged(_message("ACK", 0, callee_tag))


def _message(method: str, status: int, callee_tag: str) -> FakeMessage:
    message = FakeMessage(method=method, status=status, call_id=DIALOG.call_id, from_tag=DIALOG.caller_tag)
    message.to_tag, message.cseq, message.contact_uri, message.flow = callee_tag, "2", "sip:101@c", CALLEE
    message.headers = [("From", f"<sip:201@x>;tag={DIALOG.caller_tag}"), ("To", f"<sip:101@x>;tag={callee_tag}")]
    return message


def test_given_two_devices_when_both_answer_then_the_first_goes_on_and_the_other_is_ended_with_its_branch() -> None:
    scene = Scene()
    scene.late.contest(DIALOG)
    assert not scene.late.is_taken(DIALOG)
    scene.comes("carol")
    assert scene.late.is_taken(DIALOG)
    assert not scene.late.is_taken(DIALOG, besides="carol")
    assert scene.spiral.sent == []
    scene.comes("bob")
    assert [method for method, *_ in scene.spiral.sent] == ["ACK", "BYE"]
    assert scene.spiral.ended == [(487, "Request Terminated")]
    scene.comes("carol")
    assert len(scene.spiral.sent) == 2


def test_given_a_device_that_has_given_up_when_the_other_answers_then_it_goes_on_and_so_does_a_third() -> None:
    scene = Scene()
    scene.late.contest(DIALOG)
    scene.late.call_off(DIALOG)
    scene.comes("bob")
    scene.comes("erin")
    assert scene.spiral.sent == []


def test_given_a_winner_when_the_other_device_gives_up_then_the_call_stays_taken() -> None:
    scene = Scene()
    scene.late.contest(DIALOG)
    scene.comes("bob")
    scene.late.call_off(DIALOG)
    assert scene.late.is_taken(DIALOG)


def test_given_a_winner_whose_claim_was_gone_when_it_is_ended_then_another_may_answer_and_it_may_not() -> None:
    scene = Scene()
    scene.late.contest(DIALOG)
    scene.comes("carol")
    scene.late.end_this()
    assert [method for method, *_ in scene.spiral.sent] == ["ACK", "BYE"]
    scene.comes("bob")
    assert len(scene.spiral.sent) == 2
    scene.comes("carol")
    assert scene.spiral.sent[2:] == [("ACK", "sip:101@c", str(CALLEE))]


def test_given_an_answer_that_came_by_way_of_this_node_when_it_is_refused_then_only_its_branch_ends() -> None:
    scene = Scene()
    scene.spiral.answers_from_here = True
    scene.late.refuse(DIALOG)
    scene.comes("carol")
    assert scene.spiral.sent == []
    assert scene.spiral.ended == [(487, "Request Terminated")]


def test_given_an_answer_that_is_about_to_be_relayed_when_its_caller_acknowledges_then_it_ends_at_both_ends_once() -> (
    None
):
    scene = Scene()
    scene.late.end_when_acknowledged(FAR, NEAR)
    assert scene.spiral.sent == []
    scene.acknowledges("erin")
    assert scene.spiral.sent == []
    scene.acknowledges("bob")
    scene.acknowledges("bob")
    assert scene.spiral.sent == [("BYE", "sip:101@c", str(CALLEE)), ("BYE", "sip:201@c", str(CALLER))]


def test_given_an_answer_that_may_have_been_relayed_when_it_ends_then_now_and_when_it_is_acknowledged() -> None:
    scene = Scene()
    scene.late.end(FAR, NEAR)
    assert [method for method, *_ in scene.spiral.sent] == ["BYE", "BYE"]
    scene.acknowledges("bob")
    assert len(scene.spiral.sent) == 4


def test_given_tags_in_names_and_uris_when_the_tags_of_a_dialog_are_read_then_they_are_the_headers_own() -> None:
    assert (FAR.dialog, FAR.callee_tag) == (DIALOG, "bob")


def test_given_hops_on_both_sides_when_the_caller_s_are_wanted_then_the_nearest_is_first() -> None:
    assert routes_before((f"{EDGE}, {OURS}, {ACCESS}", "<sip:home;lr>")) == (ACCESS, "<sip:home;lr>")
    assert routes_before((EDGE, OURS)) == ()
    assert routes_before((EDGE,)) == ()
