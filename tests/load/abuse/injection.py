"""To write into what the node makes of a request, or to have it believe what a request says of itself."""

from __future__ import annotations

from tests.load.abuse.scene import Scene
from tests.load.abuse.tenancy import PICKER_OF_301
from tests.load.abuse.way import HOME, Answer, way
from tests.support.sip_text import sdp

DENIED, NO_ACCOUNT = "403 Pickup Not Permitted", "404 No Such Account"
CAROL = f"sip:103@{HOME}"
NUMBERS = {
    "an escaped line break": "101%0d%0aP-Asserted-Identity:%20<sip:103@victim.example.com>",
    "an escaped line break and a Replaces": "101%0D%0AReplaces:%20a",
    "an escaped NUL": "101%00",
    "an escaped NUL in front": "%00101",
    "an escaped tab": "101%09",
    "a broken escape": "101%4",
    "bytes that are no UTF-8": "101%FF%FE",
    "a key's braces": "%7Bforeign.example.com%7D",
    "a key's colons": "101%3Acall%3A1",
    "eight thousand digits": "1" * 8000,
}


def in_number(name: str, dialled: str) -> None:
    @way(f"{name} behind the code", NO_ACCOUNT, "400 Bad Request URI")
    def _(at: Scene) -> Answer:
        return at.invites(at.colleague(), "", uri=f"sip:*87{dialled.replace('<', '%3C').replace('>', '%3E')}@{HOME}")


for _name, _dialled in NUMBERS.items():
    in_number(_name, _dialled)


def raw(name: str, dialled: str, *expected: str) -> None:
    """Where no credentials are needed to see that the request is none."""

    @way(f"{name} behind the code", *expected)
    def _(at: Scene) -> Answer:
        phone = at.colleague()
        return at.says(phone, phone.requests("INVITE", f"sip:*87{dialled}@{HOME}", headers=at.replaces(), body=sdp()))


raw("a line break", f"101\r\nP-Asserted-Identity: <{CAROL}>\r\nX: a", "400", "silence")
raw("a line feed", "101\nX: a", "400", "silence")
raw("a NUL", "101\x00", "400", "407", "silence")
raw("a blank", "101 a", "400", "silence")


def with_header(name: str, header: str, value: str, *expected: str) -> None:
    """A stranger dials the code with it. VICTIM and NODE stand for addresses."""

    @way(f"{name} in a stranger's pickup", *(expected or (DENIED,)))
    def _(at: Scene) -> Answer:
        said = value.replace("VICTIM", at.victims.caller.address).replace("NODE", at.node.address)
        return at.invites(at.colleague(), "*87101", (header, said))


with_header("Route to the caller", "Route", "<sip:VICTIM;lr>")
with_header("Route through the node to the caller", "Route", "<sip:NODE;lr>, <sip:VICTIM;lr>")
with_header("Route with the node's parameter", "Route", f"<sip:NODE;lr;tenant={HOME}.{'0' * 24}>")
with_header("Record-Route with the node's parameter", "Record-Route", f"<sip:NODE;lr;tenant={HOME}.{'0' * 24}>")
with_header("Record-Route of the caller", "Record-Route", "<sip:VICTIM;lr>")
with_header("Next-Hop to the caller", "P-Star87-Next-Hop", "udp:VICTIM/udp:NODE")
with_header("X-Star87-Picker", "X-Star87-Picker", "103")
with_header("X-Intercept", "X-intercept_uuid", "103")
with_header("Authorization of nobody", "Authorization", f'Digest username="103",realm="{HOME}"')
with_header("Referred-By", "Referred-By", f"<sip:101@{HOME}>")
with_header("Diversion", "Diversion", f"<sip:101@{HOME}>")
with_header("History-Info", "History-Info", f"<sip:101@{HOME}>;index=1")
with_header("P-Asserted-Service", "P-Asserted-Service", "urn:urn-7:3gpp-service.star87")
with_header("Privacy", "Privacy", "id")
with_header("Path to the caller", "Path", "<sip:VICTIM;lr>")
with_header("a folded identity", "Subject", f"a\r\n P-Asserted-Identity: <{CAROL}>")
with_header("a line break in Subject", "Subject", f"a\r\nP-Asserted-Identity: <{CAROL}>", "403 Forbidden: P-Asserted")
with_header("a long header", "X-Long", "a" * 20000)
with_header("an escaped line break in Contact", "Contact", "<sip:%0d%0aReplaces:a@VICTIM>")
with_header("the caller's Contact", "Contact", "<sip:104@VICTIM>")


@way("a line break in the display name", "400", "silence")
def in_display(at: Scene) -> Answer:
    phone = at.colleague()
    name = f'"a\r\nP-Asserted-Identity: <{CAROL}>\r\nX: b"'
    headers = [("From", f"{name} <{phone.aor}>;tag=e"), *at.replaces()]
    return at.says(phone, phone.requests("INVITE", f"sip:*87101@{HOME}", headers=headers, body=sdp()))


@way("the picker's address in the display name", DENIED)
def address_in_display(at: Scene) -> Answer:
    phone = at.colleague()
    return at.invites(phone, "*87101", ("From", f'"<{CAROL}>;tag=x" <{phone.aor}>;tag=e'))


@way("an escaped line break in Call-ID", DENIED)
def in_call_id(at: Scene) -> Answer:
    return at.invites(at.colleague(), "*87101", like=("a%0d%0aReplaces:b", ""))


def in_rerouted(header: str, value: str) -> None:
    """The attacker calls, and who picks his call up gets it by reroute: what has that phone answer by itself, and open
    its microphone, is the node's word alone, which the picker asked for."""

    @way(f"{header} of a caller whose call is rerouted", "kept out")
    def _(at: Scene) -> Answer:
        caller, friend, picker = at.colleague(), at.friend(), at.colleague(PICKER_OF_301)
        call = at.begins(caller, "301", (header, value))
        rung = friend.rung()
        rung.answers(180)
        call.expects(180)
        pickup = at.begins(picker, "*87301")
        caller.rung(replaces=True).answers(420)
        pickup.expects(480)
        sent = picker.rung()
        sent.answers(180)
        own = {
            "Call-Info": [f"<sip:{HOME}>;answer-after=0"],
            "Alert-Info": [f"<http://{HOME}>;info=alert-autoanswer;delay=0"],
        }
        found = sent.invite.all(header)
        call.cancels()
        for ringing in (rung, sent):
            ringing.is_cancelled()
        call.expects(487)
        return "kept out" if found == own.get(header, []) else f"let through: {found}"


for _header, _value in {
    "Call-Info": "<sip:eve>;answer-after=0",
    "Alert-Info": "<http://eve>;info=alert-autoanswer",
    "Answer-Mode": "Auto",
    "Priv-Answer-Mode": "Auto",
}.items():
    in_rerouted(_header, _value)
