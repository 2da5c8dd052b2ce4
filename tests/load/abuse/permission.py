"""To find a gap in who may pick up from what, and in how a number is read."""

from __future__ import annotations

from tests.load.abuse.scene import Scene
from tests.load.abuse.tenancy import PICKER_OF_10, PICKER_OF_107, PICKER_OF_700, PICKERS_OF_101, SEES_101
from tests.load.abuse.way import HOME, Answer, Victim, way

DENIED = "403 Pickup Not Permitted"
NO_ACCOUNT = "404 No Such Account"
NO_CALL = "480 No Call To Pick Up"
WRITTEN = {
    "the number": ("101", DENIED),
    "the number and the confirm key": ("101%23", DENIED),
    "two confirm keys": ("101%23%23", NO_ACCOUNT),
    "the confirm key alone": ("%23", DENIED),
    "the number escaped": ("%31%30%31", DENIED),
    "the number escaped twice": ("%2531%2530%2531", NO_ACCOUNT),
    "the number with a parameter": ("101;phone-context=10", DENIED),
    "a parameter alone": (";101", DENIED),
    "a star": ("*", NO_ACCOUNT),
    "a pattern": ("10*", NO_ACCOUNT),
    "a question mark": ("1?1", NO_ACCOUNT),
    "an escaped question mark": ("1%3F1", NO_ACCOUNT),
    "a bracket pattern": ("%5B1%5D01", NO_ACCOUNT),
    "a regular expression": (".%2B", NO_ACCOUNT),
    "the beginning of the number": ("1", NO_ACCOUNT),
    "the number and more": ("1010000", NO_ACCOUNT),
    "a leading zero": ("0101", NO_ACCOUNT),
    "a plus": ("+101", NO_ACCOUNT),
    "a blank": ("%20101", NO_ACCOUNT),
    "a trailing blank": ("101%20", NO_ACCOUNT),
    "two numbers": ("101,10", NO_ACCOUNT),
    "two numbers by a blank": ("101%2010", NO_ACCOUNT),
    "the number of a foreign domain": ("101%40foreign.example.com", NO_ACCOUNT),
    "the number with its own domain": (f"101%40{HOME}", NO_ACCOUNT),
    "Arabic digits": ("%D9%A1%D9%A0%D9%A1", NO_ACCOUNT),
    "full width digits": ("%EF%BC%91%EF%BC%90%EF%BC%91", NO_ACCOUNT),
    "an invisible joiner": ("101%E2%80%8D", NO_ACCOUNT),
    "a path": ("..%2F101", NO_ACCOUNT),
    "a password in the user part": ("101:secret", DENIED),
    "the code twice": ("*87101", NO_ACCOUNT),
}


def dials_by_stranger(dialled: str, expected: str, name: str) -> None:
    @way(f"a stranger dials the code and {name}", expected)
    def _(at: Scene) -> Answer:
        return at.invites(at.colleague(), f"*87{dialled}")


for _name, (_dialled, _expected) in WRITTEN.items():
    dials_by_stranger(_dialled, _expected, _name)


def without_call(number: str, dialled: str, expected: str, name: str, victim: Victim = Victim.RINGS) -> None:
    """Who may pick up from another account is to get none of this one's calls."""

    @way(name, expected, victim=victim)
    def _(at: Scene) -> Answer:
        return at.invites(at.colleague(number), dialled)


without_call("", "*87", DENIED, "general pickup without any permission")
without_call(SEES_101, "*87101", DENIED, "who may only see it picks it up")
without_call(SEES_101, "*87", DENIED, "who may only see it picks up whatever rings")
without_call("310", "*87101", DENIED, "a picker's number and one digit more")
without_call("3", "*87101", DENIED, "the beginning of a picker's number")
without_call(PICKER_OF_10, "*8710", NO_CALL, "permission on 10, the beginning of 101")
without_call(PICKER_OF_10, "*871010", NO_CALL, "permission on 1010, of which 101 is the beginning")
without_call(PICKER_OF_10, "*8787101", NO_CALL, "permission on a number that looks like code and number")
without_call(PICKER_OF_10, "*87", NO_CALL, "general pickup with permission on others")
without_call(PICKER_OF_700, "*87101", DENIED, "permission on a group that a ringing extension is in")
without_call(PICKER_OF_700, "*87", NO_CALL, "the group's calls, while its member rings by himself")
without_call(PICKER_OF_700, "*87700", NO_CALL, "the group's number, while its member rings by himself")
without_call("", "*87700", DENIED, "a stranger to a group that rings", Victim.GROUP)
without_call("330", "*87101", NO_CALL, "the group's call through a member who may be picked up from", Victim.GROUP)
without_call("330", "*87", NO_CALL, "general pickup of a group's call with permission on its member", Victim.GROUP)
without_call("330", "*87700", DENIED, "the group itself with permission on its member", Victim.GROUP)
without_call(PICKER_OF_107, "*87107", NO_CALL, "the account that a call was forwarded from", Victim.FORWARDED)
without_call(PICKER_OF_107, "*87101", DENIED, "the account that a call was forwarded to", Victim.FORWARDED)
without_call(PICKER_OF_107, "*87", NO_CALL, "whatever rings, for who it was forwarded from", Victim.FORWARDED)
without_call("", "*87800", DENIED, "a stranger to a queue", Victim.WAITS)
without_call("330", "*87", NO_CALL, "general pickup of a waiting caller by who may not", Victim.WAITS)
without_call("", "*87101", DENIED, "a stranger after the answer", Victim.TALKS)


@way("a member of the group without permission on it", DENIED, victim=Victim.GROUP)
def member(at: Scene) -> Answer:
    return at.invites(at.owner("102"), "*87700")


@way("the account's own second phone", DENIED)
def owner(at: Scene) -> Answer:
    return at.invites(at.owner("101"), "*87101")


@way("the queue's agent without permission on it", DENIED, victim=Victim.WAITS)
def agent(at: Scene) -> Answer:
    return at.invites(at.owner("106"), "*87800")


@way("the caller himself from another phone", DENIED)
def own_call(at: Scene) -> Answer:
    return at.invites(at.owner("104"), "*87101")


@way("permission that was withdrawn a moment ago", DENIED)
def withdrawn(at: Scene) -> Answer:
    at.permits("31")
    try:
        return at.invites(at.owner("103"), "*87101")
    finally:
        at.permits(*PICKERS_OF_101)


def by_another_method(method: str) -> None:
    @way(f"the code by {method}", "405")
    def _(at: Scene) -> Answer:
        return at.colleague().asks(method, f"sip:*87101@{HOME}", to=f"sip:*87101@{HOME}")


for _method in ("MESSAGE", "SUBSCRIBE", "REFER"):
    by_another_method(_method)
