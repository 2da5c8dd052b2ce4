"""A node under attack: the victims' call, the attackers' phones, and the judgement of what came of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import redis

from tests.load.abuse import tenancy
from tests.load.abuse.tenancy import SECRET
from tests.load.abuse.victims import MARK, Books, Call, State, Victims, registrations
from tests.load.abuse.way import FOREIGN, HOME, Answer, Way, shown
from tests.support.carrier import Gateway
from tests.support.certificate import make_certificate
from tests.support.node import Node
from tests.support.phone import PASSWORD, Headers, Phone
from tests.support.phone_calls import Outgoing
from tests.support.ports import LOOPBACK, free_port
from tests.support.sip_text import SipMessage, sdp
from tests.support.until import until
from tests.support.wire import Datagrams

Prove = Callable[[SipMessage], tuple[str, str]]


class Scene:
    """A context with one node. `call` is the victims' while a way is tried.

    One worker reads the UDP socket: what was sent before an answered request has been dealt with (`fence`).
    """

    call: Call

    def __init__(self, folder: Path) -> None:
        certificate, key = make_certificate(folder)
        self.carrier, self.rival = Gateway(), Gateway()
        environment = {
            "STAR87_WORKERS": "1",
            "STAR87_GATEWAY_PROBE_S": "3600",
            "STAR87_ALREADY_ANSWERED_MS": "1",
            "STAR87_PROVISION_POLL_MS": "50",
            "STAR87_REROUTE_ANSWER_S": "1",
            "STAR87_TLS_CERTIFICATE": str(certificate),
            "STAR87_TLS_PRIVATE_KEY": str(key),
            "STAR87_SPIRAL_PORT": str(spiral := free_port()),
        }
        self.spiral = f"{LOOPBACK}:{spiral}"
        listen = [f"{transport}:{LOOPBACK}:{free_port()}" for transport in ("tls", "ws")]
        gateways = (self.carrier, self.rival)
        self.node = Node(folder, tenancy.document(gateways), environment=environment, listen=listen)
        for gateway in gateways:
            gateway.joins(self.node)
        # Each comes by turns, so that no limit on refusals hides the check that a way is about.
        self._numbers = itertools.cycle(n for n in tenancy.ATTACKERS if n >= "340" and n != tenancy.SEES_101)
        self._hosts = (f"127.0.{9 + n // 250}.{1 + n % 250}" for n in itertools.count())
        self._marks = 0
        self.attackers: list[Phone] = []

    def __enter__(self) -> Scene:
        self.node.__enter__()
        self._store = redis.Redis.from_url(self.node.redis_url)
        self.victims = Victims(self.node, self._store)
        self._books = [Books(self.node, self._store, domain) for domain in (HOME, FOREIGN)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.victims.close()
        for gateway in (self.carrier, self.rival):
            gateway.close()
        self._store.close()
        self.node.stop()

    # Attackers

    def colleague(self, number: str = "", *, password: str = PASSWORD, transport: str = "udp") -> Phone:
        """An extension of the victims' own tenant, each time another; it may pick up nothing, unless named."""
        return self._attacker(number or next(self._numbers), HOME, password, transport)

    def foreigner(self, number: str = "", *, transport: str = "udp") -> Phone:
        """An extension of another tenant."""
        return self._attacker(number or next(self._numbers), FOREIGN, PASSWORD, transport)

    def friend(self, number: str = "301") -> Phone:
        """A colleague whose phone can be called, and no other phone of his."""
        phone = self.colleague(number)
        phone.asks("REGISTER", to=phone.aor, headers=[("Contact", "*"), ("Expires", "0")])
        assert phone.registers().status == 200
        return phone

    def owner(self, number: str) -> Phone:
        """A phone of one who was attacked, for controls and for what is wrung from him."""
        return self._attacker(number, HOME, SECRET, "udp")

    def _attacker(self, number: str, domain: str, password: str, transport: str) -> Phone:
        place = self.node.reached_by(transport)
        phone = Phone(
            place, number, domain=domain, password=password, transport=transport, host=next(self._hosts), name="Eve"
        )
        self.attackers.append(phone)
        return phone

    # What they do

    def invites(
        self,
        phone: Phone,
        dialled: str,
        *headers: tuple[str, str],
        host: str = "",
        uri: str = "",
        prove: Prove | None = None,
        is_proven: bool = True,
        like: tuple[str, str] = ("", ""),
    ) -> SipMessage:
        """The final answer to an INVITE. prove: other credentials than the phone's own, is_proven=False: none.

        like: Call-ID and From tag, if not its own.
        """
        return self.begins(
            phone, dialled, *headers, host=host, uri=uri, prove=prove, is_proven=is_proven, like=like
        ).ends_with()

    def begins(
        self,
        phone: Phone,
        dialled: str,
        *headers: tuple[str, str],
        host: str = "",
        uri: str = "",
        prove: Prove | None = None,
        is_proven: bool = True,
        like: tuple[str, str] = ("", ""),
    ) -> Outgoing:
        """As `invites`, without waiting for the end."""
        uri = uri or f"sip:{dialled}@{host or phone.domain}"
        call = Outgoing(phone, uri, [("Supported", "replaces"), *headers], sdp())
        call.call_id, call.tag = like[0] or call.call_id, like[1] or call.tag
        call.invites()
        answer = call.expects_any()
        if answer.status in (401, 407) and is_proven:
            call.acks(answer)
            call.invites(prove(answer) if prove else phone.proves(answer, "INVITE", uri))
        else:
            phone.inbox.insert(0, answer)
        return call

    def replaces(self, *, more: str = "", headers: Headers = ()) -> list[tuple[str, str]]:
        """The header that names the victims' call to its caller."""
        value = f"{self.call.call_id};to-tag={self.call.caller_tag};from-tag={self.call.callee_tag}{more}"
        return [("Replaces", value), *headers]

    def says(self, phone: Phone, text: str | bytes) -> Answer:
        """What comes back of a message over UDP by the time that the node has dealt with it."""
        phone.hears()
        before = len(phone.came)
        phone.sends(text)
        self.fence(phone)
        return next((m for m in phone.came[before:] if m.status > 100 and m.method != "OPTIONS"), None)

    def fence(self, phone: Phone) -> None:
        """Return when the node has dealt with what was sent over UDP before."""
        assert phone.asks("OPTIONS", f"sip:{self.node.address}").status == 200

    def fence_inner(self, phone: Phone) -> None:
        """As `fence`, for the socket by which the node sends requests to itself."""
        assert isinstance(phone.wire, Datagrams)
        place, _, port = self.spiral.rpartition(":")
        outer, phone.wire.proxy = phone.wire.proxy, (place, int(port))
        try:
            self.fence(phone)
        finally:
            phone.wire.proxy = outer

    def permits(self, *pickers: str) -> None:
        """Let only these pick up from 101; returns once it is in force."""
        self._marks += 1
        mark = str(899 + self._marks)
        self.node.apply(tenancy.document((self.carrier, self.rival), pickers=pickers, marks=self._marks))
        phone = self.colleague()
        until(lambda: self.invites(phone, mark).status == 480, what="the document to be in force")

    # The judgement

    def tries(self, way: Way) -> tuple[str, list[str]]:
        """Try one; returns what was answered, and every harm that was done (none: it did not succeed)."""
        self.attackers = []
        self.call = self.victims.begin(way.victim)
        before = [(book.state(), book.entries(), book.refusals()) for book in self._books]
        registered = registrations(self.node, HOME, tenancy.OWNED)
        came = {id(gateway): len(gateway.came) for gateway in (self.carrier, self.rival)}
        try:
            told = shown(way.attempt(self))
        except AssertionError as failure:
            told = f"not tried: {failure}"
        self.fence(self.victims.caller)
        harms = self.victims.heard(way.may_hear)
        for phone in (*self.attackers, self.carrier, self.rival):
            phone.hears()
            harms += self._gained(phone, came.get(id(phone), 0))
        for book, (state, entries, refusals) in zip(self._books, before, strict=True):
            harms += self._changed(book, state, entries, refusals)
        if registrations(self.node, HOME, tenancy.OWNED) != registered:
            harms.append("a registration changed")
        if not harms:
            harms += self.victims.ends_well(self.call)
        if harms:
            self.victims.give_up(self.call)
        for phone in self.attackers:
            phone.close()
        return told, harms

    def _gained(self, phone: Phone, start: int) -> list[str]:
        gains = []
        for message in phone.came[start:]:
            is_of_call = not message.status and message.method == "INVITE" and message["Call-ID"] == self.call.call_id
            if MARK in message.body:
                gains.append(f"the attacker {phone.number} got {message.start} with a victim's SDP")
            elif is_of_call and way_of(message) != "own":
                gains.append(f"the attacker {phone.number} got the INVITE of the call")
        return gains

    def _changed(self, book: Books, state: State, entries: list[tuple[str, int]], old: set[str]) -> list[str]:
        insiders = {phone.number for phone in self.attackers if phone.domain == book.domain}
        now = book.state()
        changes = [f"key {key} of {book.domain} changed" for key in state if now.get(key) != state[key]]
        if not insiders:
            changes += [f"key {key} of {book.domain} is new" for key in now if key not in state]
        for picker, status in book.entries()[len(entries) :]:
            if picker not in insiders or status < 300:
                changes.append(f"the record of {book.domain} has an entry {status} of {picker}")
        changes += [f"a refusal of {number} is counted" for number in book.refusals() - old - insiders]
        return changes


def way_of(message: SipMessage) -> str:
    """Whose INVITE it is: an attacker's own names him in From."""
    return "own" if '"Eve"' in message["From"] else "another's"
