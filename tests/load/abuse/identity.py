"""To be taken for somebody else."""

from __future__ import annotations

from tests.load.abuse.scene import Prove, Scene
from tests.load.abuse.tenancy import SECRET
from tests.load.abuse.way import FOREIGN, HOME, Answer, way
from tests.support.phone import PASSWORD, Phone
from tests.support.phone_calls import Outgoing
from tests.support.sip_text import SipMessage, credentials, sdp

CAROL = f"sip:103@{HOME}"
CODE = "*87101"
URI = f"sip:{CODE}@{HOME}"
DENIED = "403 Pickup Not Permitted"


def as_carol(phone: Phone, host: str = HOME) -> tuple[str, str]:
    return "From", f'"Carol" <sip:103@{host}>;tag={phone.number}'


def proving(user: str, password: str, realm: str, uri: str = URI, method: str = "INVITE") -> Prove:
    """Credentials of this kind, whatever the challenge was for."""

    def prove(challenge: SipMessage) -> tuple[str, str]:
        return credentials(challenge, user=user, password=password, realm=realm, method=method, uri=uri)

    return prove


@way("no credentials", "407")
def none(at: Scene) -> Answer:
    return at.invites(at.colleague("103"), CODE, is_proven=False)


@way("the picker's name with a wrong password", "407")
def wrong_password(at: Scene) -> Answer:
    return at.invites(at.colleague("103"), CODE)


@way("an empty password", "407")
def empty_password(at: Scene) -> Answer:
    return at.invites(at.colleague("103", password=""), CODE)


@way("own credentials, the picker in From", "403 Forbidden: From must be")
def forged_from(at: Scene) -> Answer:
    phone = at.colleague()
    return at.invites(phone, CODE, as_carol(phone))


@way("own credentials, the picker in an escaped From", "403 Forbidden: From must be")
def escaped_from(at: Scene) -> Answer:
    return at.invites(at.colleague(), CODE, ("From", f"<sip:%31%30%33@{HOME}>;tag=e"))


@way("the picker in P-Asserted-Identity", "403 Forbidden: P-Asserted-Identity must be")
def asserted(at: Scene) -> Answer:
    return at.invites(at.colleague(), CODE, ("P-Asserted-Identity", f"<{CAROL}>"))


@way("the picker in a second P-Asserted-Identity", "403 Forbidden: P-Asserted-Identity must be")
def asserted_twice(at: Scene) -> Answer:
    phone = at.colleague()
    return at.invites(phone, CODE, ("P-Asserted-Identity", f"<{phone.aor}>"), ("P-Asserted-Identity", f"<{CAROL}>"))


@way("the picker in P-Preferred-Identity", "403 Forbidden: P-Preferred-Identity must be")
def preferred(at: Scene) -> Answer:
    return at.invites(at.colleague(), CODE, ("P-Preferred-Identity", f"<{CAROL}>"))


@way("the picker in Remote-Party-ID", DENIED)
def remote_party(at: Scene) -> Answer:
    return at.invites(at.colleague(), CODE, ("Remote-Party-ID", f"<{CAROL}>;screen=yes"))


@way("the picker in To and Contact", DENIED)
def to_and_contact(at: Scene) -> Answer:
    return at.invites(at.colleague(), CODE, ("To", f"<{CAROL}>"), ("Contact", f"<{CAROL}>"))


@way("anonymous From with own credentials", DENIED)
def anonymous(at: Scene) -> Answer:
    return at.invites(at.colleague(), CODE, ("From", "<sip:anonymous@anonymous.invalid>;tag=e"))


@way("anonymous From with the picker's name and a wrong password", "407")
def anonymous_picker(at: Scene) -> Answer:
    phone = at.colleague("103")
    return at.invites(phone, CODE, ("From", "<sip:anonymous@anonymous.invalid>;tag=e"))


@way("the same number in another domain", "403 Forbidden: calls do not leave their domain")
def foreign_namesake(at: Scene) -> Answer:
    return at.invites(at.foreigner("103"), CODE, host=HOME)


@way("credentials of another domain for the realm of this one", "407")
def foreign_password(at: Scene) -> Answer:
    phone = at.foreigner("103")
    return at.invites(phone, CODE, as_carol(phone), host=HOME, prove=proving("103", PASSWORD, HOME))


@way("credentials for the realm of another domain", "407")
def foreign_realm(at: Scene) -> Answer:
    phone = at.foreigner("103")
    return at.invites(phone, CODE, as_carol(phone), host=HOME, prove=proving("103", PASSWORD, FOREIGN))


@way("user name with a domain", "407")
def user_with_domain(at: Scene) -> Answer:
    phone = at.colleague()
    return at.invites(phone, CODE, as_carol(phone), prove=proving(f"103@{HOME}", PASSWORD, HOME))


@way("own credentials and the picker's name in a second header", "407", "403 Forbidden: From must be")
def two_credentials(at: Scene) -> Answer:
    phone = at.colleague()

    def first(challenge: SipMessage) -> tuple[str, str]:
        name, value = proving("103", PASSWORD, FOREIGN)(challenge)
        _, own = proving(phone.number, PASSWORD, HOME)(challenge)
        return name, f"{value}\r\n{name}: {own}"

    return at.invites(phone, CODE, as_carol(phone), prove=first)


@way("the domain in capitals from another domain", "403 Forbidden: calls do not leave their domain")
def capitals(at: Scene) -> Answer:
    return at.invites(at.foreigner("103"), CODE, host=HOME.upper())


@way("From of another domain in capitals", "407")
def capital_from(at: Scene) -> Answer:
    phone = at.foreigner("103")
    return at.invites(phone, CODE, as_carol(phone, HOME.upper()), host=HOME)


@way("a port behind the domain from another domain", "403 Forbidden: calls do not leave their domain")
def port_in_host(at: Scene) -> Answer:
    return at.invites(at.foreigner("103"), CODE, host=f"{HOME}:5060")


@way("a dot behind the domain", "403 Forbidden: From must be")
def dot_behind_domain(at: Scene) -> Answer:
    phone = at.colleague()
    return at.invites(phone, CODE, as_carol(phone, f"{HOME}."))


@way("GRUU of the picker in From", "403 Forbidden: From must be")
def gruu(at: Scene) -> Answer:
    return at.invites(at.colleague(), CODE, ("From", f"<{CAROL};gr=urn:uuid:1>;tag=e"))


@way("the code as a GRUU", DENIED)
def gruu_code(at: Scene) -> Answer:
    return at.invites(at.colleague(), CODE, uri=f"{URI};gr=urn:uuid:1")


def overheard(at: Scene, uri: str, method: str = "INVITE") -> tuple[str, str]:
    """What the picker's phone would send with its next request: good credentials that nobody has used yet."""
    carol = at.owner("103")
    call = Outgoing(carol, uri, [], sdp())
    call.invites()
    challenge = call.expects(407)
    return credentials(challenge, user="103", password=SECRET, realm=HOME, method=method, uri=uri)


def with_overheard(at: Scene, header: tuple[str, str]) -> Answer:
    phone = at.colleague("103")
    return at.invites(phone, CODE, header, is_proven=False)


@way("the picker's credentials for another URI", "407")
def other_uri(at: Scene) -> Answer:
    return with_overheard(at, overheard(at, f"sip:102@{HOME}"))


@way("the picker's credentials for another method", "407")
def other_method(at: Scene) -> Answer:
    return with_overheard(at, overheard(at, URI, "OPTIONS"))


@way("the picker's credentials a second time", "407")
def replayed(at: Scene) -> Answer:
    header = overheard(at, f"sip:*870000@{HOME}")
    carol = at.owner("103")
    assert at.invites(carol, "*870000", header, is_proven=False).status == 404
    return at.invites(at.colleague("103"), "*870000", header, is_proven=False)


@way("the picker's credentials with a higher nonce count", "407")
def counted_on(at: Scene) -> Answer:
    name, value = overheard(at, URI)
    return with_overheard(at, (name, value.replace("00000001", "00000002")))


@way("a nonce that this node never gave", "407")
def made_up_nonce(at: Scene) -> Answer:
    phone = at.colleague("103")

    def prove(challenge: SipMessage) -> tuple[str, str]:
        name, value = proving("103", PASSWORD, HOME)(challenge)
        return name, value.replace('nonce="', 'nonce="AAAA')

    return at.invites(phone, CODE, prove=prove)
