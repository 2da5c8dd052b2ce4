"""To reach a key of another's by a name that looks like one."""

from __future__ import annotations

from tests.load.abuse.scene import Scene
from tests.load.abuse.way import HOME, Answer, way


def named(name: str, call_id: str, tag: str, expected: str = "480") -> None:
    """A call in another domain. CALL and TAG stand for the victims'."""

    @way(name, expected)
    def _(at: Scene) -> Answer:
        like = (call_id.replace("CALL", at.call.call_id), tag.replace("TAG", at.call.caller_tag))
        return at.invites(at.foreigner(), "101", like=like)


named("Call-ID with the victims' key", f"s87:{{{HOME}}}:ring:n:101", "a")
named("Call-ID that closes a key's braces", "}:call:{", "a")
named("Call-ID with glob characters", "*?[a-z]", "*")
named("the victims' Call-ID and another tag in another domain", "CALL", "a")
named("Call-ID that ends where the victims' tag ends", "CALLTAG", "0")
named("Call-ID with Lua", "';redis.call('FLUSHALL')--", "a")


def shifted(name: str, by: int) -> None:
    """Call-ID and tag joined are the victims', but for where one ends."""

    @way(name, "481")
    def _(at: Scene) -> Answer:
        call = at.call
        joined = call.call_id + call.caller_tag
        cut = len(call.call_id) + by
        value = f"{joined[:cut]};to-tag={joined[cut:]};from-tag={call.callee_tag}"
        return at.invites(at.colleague("330"), "101", ("Replaces", value))


shifted("Replaces: the Call-ID longer by a character of the tag", 1)
shifted("Replaces: the Call-ID shorter by a character", -1)


@way("a callee tag with a line break's escape", "481")
def two_lines(at: Scene) -> Answer:
    call = at.call
    value = f"{call.call_id};to-tag={call.caller_tag};from-tag={call.callee_tag}%0a0"
    return at.invites(at.colleague("330"), "101", ("Replaces", value))


@way("a callee tag with its branch in front", "481", "400")
def with_branch(at: Scene) -> Answer:
    call = at.call
    value = f"{call.call_id};to-tag={call.caller_tag};from-tag=0+{call.callee_tag}"
    return at.invites(at.colleague("330"), "101", ("Replaces", value))


@way("a user name with a key", "407")
def user_name(at: Scene) -> Answer:
    phone = at.colleague("103")

    def prove(_challenge: object) -> tuple[str, str]:
        return "Proxy-Authorization", f'Digest username="}}:denied:",realm="{HOME}",nonce="a",uri="a",response="a"'

    return at.invites(phone, "*87101", prove=prove)
