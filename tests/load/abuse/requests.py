"""Registrations of others, and requests outside of calls."""

from __future__ import annotations

from tests.load.abuse.scene import Scene
from tests.load.abuse.way import FOREIGN, HOME, Answer, Victim, way
from tests.support.phone import Phone
from tests.support.sip_text import SipMessage


def registers(phone: Phone, *headers: tuple[str, str], uri: str = f"sip:{HOME}", to: str = "") -> SipMessage:
    given = {"Contact": f"<{phone.contact}>", "Expires": "300", **dict(headers)}
    return phone.asks("REGISTER", uri, to=to or phone.aor, headers=list(given.items()))


@way("REGISTER of another's number with own credentials", "403 Forbidden: To must be")
def another(at: Scene) -> Answer:
    return registers(at.colleague(), to=f"sip:101@{HOME}")


@way("REGISTER of another's number, escaped", "403 Forbidden: To must be")
def escaped(at: Scene) -> Answer:
    return registers(at.colleague(), to=f"sip:%31%30%31@{HOME}")


@way("REGISTER of another's number from another domain", "401")
def foreign(at: Scene) -> Answer:
    return registers(at.foreigner("101"), to=f"sip:101@{HOME}")


@way("REGISTER of another's number, domain in capitals", "401")
def foreign_capitals(at: Scene) -> Answer:
    return registers(at.foreigner("101"), to=f"sip:101@{HOME.upper()}")


@way("REGISTER of another's number without credentials", "401")
def unauthenticated(at: Scene) -> Answer:
    phone = at.colleague("101")
    via = phone.via()
    phone.sends(phone.requests("REGISTER", f"sip:{HOME}", to=phone.aor, via=via))
    return phone.answer_to(via)


@way("REGISTER that takes all of another's bindings away", "403 Forbidden: To must be")
def star(at: Scene) -> Answer:
    return registers(at.colleague(), ("Contact", "*"), ("Expires", "0"), to=f"sip:101@{HOME}")


@way("REGISTER of the own number with another in From", "200")
def from_another(at: Scene) -> Answer:
    return registers(at.colleague(), ("From", f"<sip:101@{HOME}>;tag=e"))


@way("REGISTER of the own number with another in the Request-URI", "200")
def ruri_another(at: Scene) -> Answer:
    return registers(at.colleague(), uri=f"sip:101@{HOME}")


@way("REGISTER with the victim's Contact under the own number", "200")
def contact_of_victim(at: Scene) -> Answer:
    return registers(at.colleague(), ("Contact", f"<{at.victims.callee.contact}>"))


@way("REGISTER with the victim's +sip.instance", "200")
def instance(at: Scene) -> Answer:
    phone = at.colleague()
    contact = f'<{phone.contact}>;+sip.instance="<urn:uuid:victim>";pub-gruu="sip:101@{HOME};gr=1";reg-id=1'
    return registers(phone, ("Contact", contact), ("Supported", "gruu, outbound"))


@way("REGISTER with Path to the victim", "200")
def path(at: Scene) -> Answer:
    header = ("Path", f"<sip:{at.victims.callee.address};lr>")
    return registers(at.colleague(), header, ("Supported", "path"))


@way("REGISTER of the pickup code", "403 Forbidden: To must be")
def code(at: Scene) -> Answer:
    return registers(at.colleague(), to=f"sip:*87@{HOME}")


@way("MESSAGE to another domain's extension", "403 Forbidden: calls do not leave their domain")
def message(at: Scene) -> Answer:
    return at.foreigner().asks("MESSAGE", f"sip:101@{HOME}", to=f"sip:101@{HOME}")


@way("a call to another domain's extension", "403 Forbidden: calls do not leave their domain")
def call(at: Scene) -> Answer:
    return at.invites(at.foreigner(), "101", host=HOME)


@way("a call to the victim's Contact", "403 Forbidden: calls do not leave their domain")
def call_contact(at: Scene) -> Answer:
    return at.invites(at.foreigner(), "", uri=at.victims.caller.contact)


@way("a MESSAGE over the node's inner socket to any phone", "silence")
def inner_socket(at: Scene) -> Answer:
    """A friend's phone says that it is at the socket by which the node sends requests to itself."""
    return over_inner_socket(at, "MESSAGE")


@way("a REFER over the node's inner socket to any phone", "silence", victim=Victim.TALKS)
def inner_refer(at: Scene) -> Answer:
    return over_inner_socket(at, "REFER")


def over_inner_socket(at: Scene, method: str) -> Answer:
    friend, phone = at.foreigner("301"), at.foreigner()
    contact = f"<sip:301@{at.spiral};transport=udp>"
    assert registers(friend, ("Contact", contact), uri=f"sip:{FOREIGN}").status == 200
    uri = f"sip:301@{FOREIGN}"
    next_hop = f"udp:{at.victims.callee.address}/udp:{at.node.address}"
    hop = ("P-Star87-Next-Hop", next_hop)
    via = phone.via()
    phone.sends(phone.requests(method, uri, via=via, headers=[hop, ("Refer-To", "<sip:1@eve>")]))
    proof = phone.proves(phone.answer_to(via), method, uri)
    try:
        return at.says(phone, phone.requests(method, uri, headers=[hop, ("Refer-To", "<sip:1@eve>"), proof]))
    finally:
        at.fence_inner(phone)
        assert registers(friend, ("Contact", "*"), ("Expires", "0"), uri=f"sip:{FOREIGN}").status == 200


@way("a call over the node's inner socket", "480", "599", "silence")
def inner_call(at: Scene) -> Answer:
    friend, phone = at.foreigner("301"), at.foreigner()
    contact = f"<sip:301@{at.spiral};transport=udp>"
    assert registers(friend, ("Contact", contact), uri=f"sip:{FOREIGN}").status == 200
    call = at.begins(phone, "301", ("P-Star87-Next-Hop", f"udp:{at.victims.callee.address}/udp:{at.node.address}"))
    answer = call.ends_with()
    assert registers(friend, ("Contact", "*"), ("Expires", "0"), uri=f"sip:{FOREIGN}").status == 200
    return answer
