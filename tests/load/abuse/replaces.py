"""A Replaces, or what looks like one, that a phone sends of its own accord (RFC 3891 §8)."""

from __future__ import annotations

from collections.abc import Callable

from tests.load.abuse.scene import Scene
from tests.load.abuse.tenancy import PICKER_OF_10, PICKER_OF_301, SEES_101
from tests.load.abuse.way import FOREIGN, HOME, Answer, Victim, way
from tests.support.phone import Phone
from tests.support.phone_calls import Incoming, Outgoing
from tests.support.talks import talk
from tests.support.until import until

DENIED, FORBIDDEN = "403 Pickup Not Permitted", "403 Forbidden"
ANOTHERS = "403 Forbidden: the call to replace is another's"
UNKNOWN = "481 Call/Transaction Does Not Exist: no such call to replace"
BAD = "400 Bad Request"


def named(name: str, value: Callable[[Scene], str], expected: str, victim: Victim = Victim.RINGS) -> None:
    """A stranger of the tenant dials the callee with this Replaces."""

    @way(name, expected, victim=victim)
    def _(at: Scene) -> Answer:
        return at.invites(at.colleague(), "101", ("Replaces", value(at)))


def of(at: Scene, call_id: str = "", to_tag: str = "", from_tag: str = "", more: str = "") -> str:
    call = at.call
    to_tag, from_tag = to_tag or call.caller_tag, from_tag or call.callee_tag
    return f"{call_id or call.call_id};to-tag={to_tag};from-tag={from_tag}{more}"


def swapped(at: Scene) -> str:
    return of(at, to_tag=at.call.callee_tag, from_tag=at.call.caller_tag)


named("Replaces: the right name", of, DENIED)
named("Replaces: the tags the other way round", swapped, DENIED)
named("Replaces: the right name, early-only", lambda at: of(at, more=";early-only"), DENIED)
named("Replaces: guessed Call-ID", lambda at: of(at, "guessed"), UNKNOWN)
named("Replaces: Call-ID with a star", lambda at: of(at, "*"), UNKNOWN)
named("Replaces: beginning of the Call-ID", lambda at: of(at, at.call.call_id[:-1]), UNKNOWN)
named("Replaces: Call-ID in capitals", lambda at: of(at, at.call.call_id.upper() + "A"), UNKNOWN)
named("Replaces: wrong callee tag", lambda at: of(at, from_tag="guessed"), UNKNOWN)
named("Replaces: wrong caller tag", lambda at: of(at, to_tag="guessed"), UNKNOWN)
named("Replaces: the caller's tag twice", lambda at: of(at, from_tag=at.call.caller_tag), UNKNOWN)
named("Replaces: tags of 0", lambda at: of(at, to_tag="0", from_tag="0"), UNKNOWN)
named("Replaces: a tag of 0 beside the caller's", lambda at: of(at, from_tag="0"), UNKNOWN)
named("Replaces: without from-tag", lambda at: f"{at.call.call_id};to-tag={at.call.caller_tag}", BAD)
named("Replaces: without any tag", lambda at: at.call.call_id, BAD)
named("Replaces: a tag twice", lambda at: of(at, more=f";from-tag={at.call.callee_tag}"), BAD)
named("Replaces: two in one line", lambda at: f"a;to-tag=1;from-tag=2,{of(at)}", BAD)
named("Replaces: folded before its tags", lambda at: of(at).replace(";to-tag", "\r\n ;to-tag"), DENIED)
named("Replaces: a group's call by a stranger", of, DENIED, Victim.GROUP)
named("Replaces: a forwarded call by a stranger", of, DENIED, Victim.FORWARDED)
named("Replaces: the waiting caller's 182 tag", of, DENIED, Victim.WAITS)
named("Replaces: an answered call of others", of, ANOTHERS, Victim.TALKS)
named("Replaces: an answered call of others, other way round", swapped, ANOTHERS, Victim.TALKS)
named("Replaces: an answered call, early-only", lambda at: of(at, more=";early-only"), "486", Victim.TALKS)


@way("Replaces: a group's call with permission on its member", DENIED, victim=Victim.GROUP)
def member(at: Scene) -> Answer:
    return at.invites(at.colleague("330"), "101", *at.replaces())


@way("Replaces by who may only see it", DENIED)
def see_only(at: Scene) -> Answer:
    return at.invites(at.colleague(SEES_101), "101", *at.replaces())


@way("Replaces without credentials", "407")
def unauthenticated(at: Scene) -> Answer:
    return at.invites(at.colleague("103"), "101", *at.replaces(), is_proven=False)


@way("Replaces from another domain", UNKNOWN)
def foreign(at: Scene) -> Answer:
    return at.invites(at.foreigner("103"), "101", *at.replaces())


@way("Replaces from another domain to this one", "403 Forbidden: calls do not leave")
def across(at: Scene) -> Answer:
    return at.invites(at.foreigner("103"), "101", *at.replaces(), host=HOME)


@way("Replaces from another domain, answered call", UNKNOWN, victim=Victim.TALKS)
def foreign_talk(at: Scene) -> Answer:
    return at.invites(at.foreigner("101"), "101", *at.replaces())


@way("Join of a ringing call", "403 Forbidden: Join is not accepted")
def join(at: Scene) -> Answer:
    return at.invites(at.colleague(), "101", ("Join", of(at)))


@way("Join of an answered call", "403 Forbidden: Join is not accepted", victim=Victim.TALKS)
def join_talk(at: Scene) -> Answer:
    return at.invites(at.colleague(), "101", ("Join", of(at)))


@way("Replaces and Join", BAD)
def replaces_and_join(at: Scene) -> Answer:
    return at.invites(at.colleague(), "101", *at.replaces(), ("Join", of(at)))


@way("two Replaces headers, one of the own call", BAD)
def two(at: Scene) -> Answer:
    return at.invites(at.colleague(), "101", ("Replaces", "own;to-tag=1;from-tag=2"), *at.replaces())


@way("Replaces in a pickup of another account", "480 No Call To Pick Up")
def in_pickup(at: Scene) -> Answer:
    return at.invites(at.colleague(PICKER_OF_10), "*8710", *at.replaces())


@way("Replaces in a pickup by a stranger", DENIED)
def in_denied_pickup(at: Scene) -> Answer:
    return at.invites(at.colleague(), "*87101", *at.replaces())


@way("Replaces in a call to the attacker himself", DENIED)
def to_himself(at: Scene) -> Answer:
    phone = at.colleague()
    return at.invites(phone, phone.number, *at.replaces())


@way("Replaces in a call to the attacker's Contact", DENIED)
def to_own_contact(at: Scene) -> Answer:
    phone = at.colleague()
    return at.invites(phone, "", *at.replaces(), uri=phone.contact)


@way("Replaces in a call to the attacker's Contact, answered call", ANOTHERS, victim=Victim.TALKS)
def talk_to_own_contact(at: Scene) -> Answer:
    phone = at.colleague()
    return at.invites(phone, "", *at.replaces(), uri=phone.contact)


@way("Replaces to the caller's Contact", DENIED)
def to_caller_contact(at: Scene) -> Answer:
    return at.invites(at.colleague(), "", *at.replaces(), uri=at.victims.caller.contact)


@way("Replaces in a call that leaves by a trunk", ANOTHERS, victim=Victim.TALKS)
def by_trunk(at: Scene) -> Answer:
    return at.invites(at.colleague(), "+15551234", *at.replaces())


@way("attended transfer by who talks with somebody else", ANOTHERS, victim=Victim.TALKS)
def lookalike(at: Scene) -> Answer:
    phone, friend = at.colleague(), at.friend()
    talk(phone, friend)
    return at.invites(phone, "104", *at.replaces())


@way("attended transfer by who only rings a party", ANOTHERS, victim=Victim.TALKS)
def ringing_lookalike(at: Scene) -> Answer:
    phone = at.colleague()
    call = at.begins(phone, "101")
    rung = at.victims.callee.rung()
    rung.answers(180)
    call.expects(180)
    answer = at.invites(phone, "104", *at.replaces())
    ends(call, rung)
    return answer


@way("REFER to the callee's phone, which obeys it", DENIED, may_hear=("REFER",))
def refer_callee(at: Scene) -> Answer:
    phone = at.colleague()
    assert phone.registers().status == 200
    value = of(at).replace(";", "%3B").replace("=", "%3D")
    refer_to = ("Refer-To", f"<{phone.aor}?Replaces={value}>")
    call_to = f"sip:101@{HOME}"
    via = phone.via()
    phone.sends(phone.requests("REFER", call_to, via=via, headers=[refer_to]))
    challenge = phone.answer_to(via)
    proof = phone.proves(challenge, "REFER", call_to)
    phone.sends(phone.requests("REFER", call_to, via=phone.via(), headers=[refer_to, proof]))
    callee = at.victims.callee
    callee.replies(callee.expects(lambda m: m.method == "REFER", "REFER"), 202, tag="r")
    return at.invites(at.owner("101"), phone.number, *at.replaces())


def ends(own: Outgoing, rung: Incoming) -> None:
    """The attacker gives his own call up, which is answered as it should be."""
    own.cancels()
    rung.is_cancelled()
    own.expects(487)


def _is_refused(own: Outgoing) -> str:
    own.phone.hears()
    return "refused" if own.is_over else ""


def _has_call(friend: Phone) -> str:
    friend.hears()
    return "called" if any(m.start.startswith("INVITE ") for m in friend.inbox) else ""


def like_the_call(at: Scene) -> tuple[str, str]:
    return at.call.call_id, at.call.caller_tag


def same_name(name: str, victim: Victim, pick: Callable[[Scene], Answer] | None = None) -> None:
    """The attacker's own call, under the name of the victims', to a friend who answers it: two calls in one record.

    pick: what a further friend does meanwhile.
    """

    @way(f"an own call of the victims' Call-ID and From tag, {name}", "482", victim=victim)
    def _(at: Scene) -> Answer:
        phone, friend = at.colleague(), at.friend()
        own = at.begins(phone, "301", like=like_the_call(at))
        if until(lambda: _is_refused(own) or _has_call(friend), what="an answer or a call") == "refused":
            return own.last
        rung = friend.rung()
        rung.answers(180, tag=at.call.callee_tag)
        own.expects(180)
        if pick:
            picked = pick(at)
            ends(own, rung)
            return picked
        rung.answers(200, tag=at.call.callee_tag)
        accepted = own.expects(200)
        own.dialog(accepted).ends(friend)
        return accepted


same_name("answered by a friend", Victim.RINGS)
same_name("answered by a friend while they talk", Victim.TALKS)
same_name("answered by a friend while the caller waits", Victim.WAITS)
same_name("picked up by a friend", Victim.RINGS, lambda at: at.invites(at.colleague(PICKER_OF_301), "*87301"))
same_name(
    "replaced by a friend", Victim.RINGS, lambda at: at.invites(at.colleague(PICKER_OF_301), "301", *at.replaces())
)


@way("an own call of the victims' Call-ID and From tag in another domain", "482")
def same_name_elsewhere(at: Scene) -> Answer:
    return at.invites(at.foreigner(), "101", host=FOREIGN, like=like_the_call(at))
