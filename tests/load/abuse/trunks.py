"""To come as a carrier, or by one to where it has no business."""

from __future__ import annotations

from tests.load.abuse.scene import Scene
from tests.load.abuse.tenancy import DID, FOREIGN_DID
from tests.load.abuse.way import FOREIGN, HOME, Answer, Victim, way
from tests.support.carrier import CARRIER_IP, Gateway
from tests.support.phone import Phone
from tests.support.sip_text import sdp

NO_NUMBER = "404 Not Found: no such number on trunk"


@way("the carrier's address from another port", "407")
def other_port(at: Scene) -> Answer:
    stranger = Phone(at.node.address, "+1555", domain="carrier.example.net", host=CARRIER_IP, name="Eve")
    at.attackers.append(stranger)
    return at.invites(stranger, DID, host=HOME, is_proven=False)


@way("a carrier's Via from another address", "407")
def carriers_via(at: Scene) -> Answer:
    phone = at.foreigner()
    via = f"SIP/2.0/UDP {at.carrier.address};branch=z9hG4bKcarrier;rport"
    return at.says(phone, phone.requests("INVITE", f"sip:{DID}@{HOME}", headers=[("Via", via)], body=sdp()))


def by_carrier(name: str, number: str, *expected: str, host: str = HOME, victim: Victim = Victim.RINGS) -> None:
    @way(name, *expected, victim=victim)
    def _(at: Scene) -> Answer:
        return at.carrier.calls(number, host=host).ends_with()


by_carrier("a carrier dials the code", "*87101", NO_NUMBER)
by_carrier("a carrier dials the general code", "*87", NO_NUMBER)
by_carrier("a carrier dials the code at the node", "*87101", NO_NUMBER, host="127.0.0.1")
by_carrier("a carrier dials the DID behind the code", f"*87{DID}", NO_NUMBER)
by_carrier("a carrier dials an extension", "101", NO_NUMBER)
by_carrier("a carrier dials a group", "700", NO_NUMBER)
by_carrier("a carrier dials another carrier's DID", FOREIGN_DID, NO_NUMBER)
by_carrier("a carrier dials out by another", "+49301234", NO_NUMBER)
by_carrier("a carrier dials out by itself", "+15559876", NO_NUMBER)
by_carrier("a carrier dials the DID with a pattern", "+1555010*", NO_NUMBER)
by_carrier("a carrier dials the DID at a foreign host", DID, NO_NUMBER, host="elsewhere.example.net")


@way("a carrier names an extension in From and dials the code", NO_NUMBER)
def extension_in_from(at: Scene) -> Answer:
    return at.carrier.calls("*87101", host=HOME, headers=[("From", f"<sip:103@{HOME}>;tag=e")]).ends_with()


@way("a carrier asserts an extension and dials the code", NO_NUMBER)
def extension_asserted(at: Scene) -> Answer:
    return at.carrier.calls("*87101", host=HOME, headers=[("P-Asserted-Identity", f"<sip:103@{HOME}>")]).ends_with()


@way("a carrier brings an extension's domain in To", NO_NUMBER)
def to_domain(at: Scene) -> Answer:
    return at.carrier.calls("*87101", host="127.0.0.1", headers=[("To", f"<sip:{DID}@{HOME}>")]).ends_with()


def with_replaces(name: str, expected: str, victim: Victim, gateway: str = "carrier", number: str = DID) -> None:
    @way(name, expected, victim=victim)
    def _(at: Scene) -> Answer:
        trunk: Gateway = getattr(at, gateway)
        return trunk.calls(number, host=FOREIGN if gateway == "rival" else HOME, headers=at.replaces()).ends_with()


with_replaces("a carrier replaces a ringing call", "403 Forbidden: a trunk may not", Victim.RINGS)
with_replaces("a carrier replaces a waiting call", "403 Forbidden: a trunk may not", Victim.WAITS)
with_replaces("a carrier replaces an answered call", "403 Forbidden: the call to replace", Victim.TALKS)
with_replaces("a carrier of another domain replaces", "481", Victim.RINGS, "rival", FOREIGN_DID)
with_replaces("a carrier replaces by the code", NO_NUMBER, Victim.RINGS, number="*87101")


@way("a carrier joins a call", "403 Forbidden: Join is not accepted")
def join(at: Scene) -> Answer:
    (_, value), *_ = at.replaces()
    return at.carrier.calls(DID, host=HOME, headers=[("Join", value)]).ends_with()


def by_method(method: str, uri: str) -> None:
    @way(f"a carrier sends {method}", "405")
    def _(at: Scene) -> Answer:
        return at.carrier.requests_once(method, uri, headers=[("Contact", f"<{at.carrier.contact}>")])


by_method("REGISTER", f"sip:101@{HOME}")
by_method("MESSAGE", f"sip:101@{HOME}")
by_method("REFER", f"sip:101@{HOME}")


@way("an extension calls as a DID", "403 Forbidden: From must be")
def extension_as_did(at: Scene) -> Answer:
    return at.invites(at.colleague(), "101", ("From", f"<sip:{DID}@carrier.example.net>;tag=e"))


@way("an extension of another domain calls as a DID", "403 Forbidden: From must be")
def foreigner_as_did(at: Scene) -> Answer:
    return at.invites(at.foreigner(), "101", ("From", f"<sip:{DID}@carrier.example.net>;tag=e"), host=FOREIGN)


@way("an unknown address calls out in a dialog that is none", "481")
def out_in_dialog(at: Scene) -> Answer:
    phone = at.foreigner()
    text = phone.requests(
        "INVITE",
        f"sip:+15559876@{at.carrier.address}",
        to_tag="none",
        headers=[("Route", f"<sip:{at.node.address};lr>")],
        body=sdp(),
    )
    return at.says(phone, text)
