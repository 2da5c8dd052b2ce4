"""A telephone for tests: one wire, no thread, no clock. It sends what it is told and waits for what it expects.

with Phone(node.address, "104", domain="pbx.example.com") as dave:
    call = dave.dials("101")
    inbound = reception.rung()
    inbound.answers(180)
    call.expects(180)
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from tests.support.phone_calls import WITHIN_S, Incoming, Outgoing
from tests.support.ports import LOOPBACK
from tests.support.repeating import Repeating
from tests.support.sip_text import SipMessage, credentials, long_name, sdp
from tests.support.wire import Wire, open_wire

PASSWORD = "change-me"
Headers = Sequence[tuple[str, str]]


class Phone:
    """One extension's device. `inbox` keeps what came and nobody has asked for yet, `came` all of it.

    Repeated messages come once.
    """

    def __init__(
        self,
        proxy: str,
        number: str,
        *,
        domain: str,
        password: str = PASSWORD,
        transport: str = "udp",
        name: str = "",
        host: str = LOOPBACK,
        repeats: bool = False,
    ) -> None:
        """proxy: host:port. host: its own address. repeats: what it says by UDP, as where packets are lost."""
        place, _, port = proxy.rpartition(":")
        self.number, self.domain, self.password, self.transport = number, domain, password, transport
        self.name = name or f"Phone {number}"
        self.inbox: list[SipMessage] = []
        self.came: list[SipMessage] = []
        self._invalid = f"{secrets.token_hex(6)}.invalid"
        self._seen: Counter[bytes] = Counter()
        self.wire: Wire = open_wire(transport, (place, int(port)), host)
        if repeats:
            self.wire = Repeating(self.wire)
        self.address = "{}:{}".format(*self.wire.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.wire.close()

    @property
    def aor(self) -> str:
        return f"sip:{self.number}@{self.domain}"

    @property
    def contact(self) -> str:
        if self.transport in ("ws", "wss"):
            # RFC 7118 §5.2: a browser does not know its address.
            return f"sip:{self.number}@{self._invalid};transport=ws"
        return f"sip:{self.number}@{self.address};transport={self.transport}"

    def via(self) -> str:
        here = self._invalid if self.transport in ("ws", "wss") else self.address
        return f"SIP/2.0/{self.transport.upper()} {here};branch=z9hG4bK{secrets.token_hex(8)};rport"

    def sends(self, message: str | bytes) -> None:
        """Put it on the wire as it stands."""
        raw = message if isinstance(message, bytes) else message.encode("utf-8", "surrogateescape")
        self.wire.sends(raw)

    def expects(self, what: Callable[[SipMessage], bool], named: str, within_s: float = WITHIN_S) -> SipMessage:
        """The first message that satisfies `what`; raises AssertionError when none comes in time."""
        deadline = time.monotonic() + within_s
        while True:
            for message in self.inbox:
                if what(message):
                    self.inbox.remove(message)
                    return message
            if not self._receives(deadline - time.monotonic()):
                came = [message.start for message in self.inbox]
                raise AssertionError(f"{self.number} did not get {named} within {within_s:g} s; it got {came}")

    def heard(self, status: int) -> int:
        """How many answers with this code have come so far, each repetition counted."""
        self.hears()
        return sum(times for raw, times in self._seen.items() if SipMessage.parse(raw).status == status)

    def hears(self) -> None:
        """Put what has come by now into the inbox."""
        while self._receives(0.001):
            pass

    def requests(
        self,
        method: str,
        uri: str,
        *,
        to: str = "",
        to_tag: str = "",
        call_id: str = "",
        tag: str = "",
        cseq: int = 1,
        via: str = "",
        headers: Headers = (),
        body: str = "",
    ) -> str:
        """Text of a request as a phone builds it (RFC 3261 §8.1.1)."""
        given = {name.lower() for name, _ in headers}
        own = [
            ("Via", via or self.via()),
            ("From", f'"{self.name}" <{self.aor}>;tag={tag or secrets.token_hex(4)}'),
            ("To", f"<{to or uri}>" + (f";tag={to_tag}" if to_tag else "")),
            ("Call-ID", call_id or secrets.token_hex(8)),
            ("CSeq", f"{cseq} {method}"),
            ("Max-Forwards", "70"),
            ("Contact", f"<{self.contact}>"),
        ]
        fields = [(name, value) for name, value in own if name.lower() not in given] + list(headers)
        if body and "content-type" not in given:
            fields.append(("Content-Type", "application/sdp"))
        lines = [f"{name}: {value}" for name, value in fields]
        length = len(body.encode("utf-8", "surrogateescape"))
        return "\r\n".join([f"{method} {uri} SIP/2.0", *lines, f"Content-Length: {length}", "", body])

    def asks(
        self,
        method: str,
        uri: str = "",
        *,
        user: str = "",
        headers: Headers = (),
        to: str = "",
        call_id: str = "",
    ) -> SipMessage:
        """The final answer to a request outside of calls; one challenge is answered. user: whose credentials."""
        uri = uri or f"sip:{self.domain}"
        call_id, tag = call_id or secrets.token_hex(8), secrets.token_hex(4)
        extra = list(headers)
        for cseq in (1, 2):
            via = self.via()
            text = self.requests(method, uri, to=to, call_id=call_id, tag=tag, cseq=cseq, via=via, headers=extra)
            self.sends(text)
            answer = self.answer_to(via)
            if cseq == 2 or answer.status not in (401, 407):
                return answer
            extra.append(self.proves(answer, method, uri, user=user))
        raise AssertionError("unreachable")

    def proves(self, challenge: SipMessage, method: str, uri: str, *, user: str = "") -> tuple[str, str]:
        """Credentials for a challenge."""
        return credentials(
            challenge,
            user=user or self.number,
            password=self.password,
            realm=self.domain,
            method=method,
            uri=uri,
        )

    def answer_to(self, via: str, within_s: float = WITHIN_S) -> SipMessage:
        """The final answer to the request that was sent with this Via."""
        branch = via.split("branch=")[1].partition(";")[0]
        return self.expects(lambda m: m.status >= 200 and branch in m["Via"], "a final answer", within_s)

    def registers(self, *, contact: str = "", expires: int = 300, supported: str = "", **more: str) -> SipMessage:
        """The answer to a REGISTER of this phone's contact, or another."""
        target = contact or f"<{self.contact}>"
        headers = [("Contact", target), ("Expires", str(expires))]
        if supported:
            headers.append(("Supported", supported))
        return self.asks("REGISTER", to=more.pop("to", self.aor), headers=headers, **more)

    def dials(
        self,
        dialled: str,
        *,
        headers: Headers = (),
        body: str | None = None,
        supported: str = "replaces",
        part_of: Outgoing | None = None,
    ) -> Outgoing:
        """Call a number; the challenge is answered. supported: value of the Supported header, '' for none.

        part_of: the other branch of a call that a proxy forked on its way here.
        """
        extra = [*([("Supported", supported)] if supported else []), *headers]
        call = Outgoing(self, f"sip:{dialled}@{self.domain}", extra, sdp() if body is None else body)
        if part_of is not None:
            call.call_id, call.tag = part_of.call_id, part_of.tag
        call.invites()
        answer = call.expects_any()
        if answer.status in (401, 407):
            call.acks(answer)
            call.invites(self.proves(answer, "INVITE", call.uri))
        else:
            self.inbox.insert(0, answer)
        return call

    def rung(self, within_s: float = WITHIN_S, *, replaces: bool | None = None) -> Incoming:
        """The next INVITE that starts a call. replaces: with a Replaces header, without one, or either."""

        def is_it(message: SipMessage) -> bool:
            starts = message.status == 0 and message.method == "INVITE" and not message.tag("To")
            return starts and replaces in (None, "Replaces" in message)

        return Incoming(self, self.expects(is_it, "an INVITE", within_s))

    def gets(self, method: str, call_id: str, within_s: float = WITHIN_S) -> SipMessage:
        """The next request of this method on a call."""
        return self.expects(
            lambda m: m.status == 0 and m.method == method and m["Call-ID"] == call_id,
            f"{method} on {call_id}",
            within_s,
        )

    def replies(
        self, request: SipMessage, status: int, *, tag: str = "", headers: Headers = (), body: str = ""
    ) -> None:
        """Answer a request (RFC 3261 §8.2.6)."""
        same = ("via", "from", "call-id", "cseq", "record-route")
        kept = [(n, v) for n, v in request.headers if long_name(n) in same]
        to = request["To"] if request.tag("To") or not tag else f"{request['To']};tag={tag}"
        given = {name.lower() for name, _ in headers}
        own = [] if "contact" in given else [("Contact", f"<{self.contact}>")]
        fields = [*kept, ("To", to), *own, *headers]
        if body:
            fields.append(("Content-Type", "application/sdp"))
        lines = [f"{name}: {value}" for name, value in fields]
        length = len(body.encode("utf-8", "surrogateescape"))
        self.sends("\r\n".join([f"SIP/2.0 {status} Because", *lines, f"Content-Length: {length}", "", body]))

    def _receives(self, within_s: float) -> bool:
        """Put the next message into the inbox; False when none came."""
        if within_s <= 0:
            return False
        try:
            raw = self.wire.reads(within_s)
        except (TimeoutError, ConnectionRefusedError):
            return False
        if raw.strip():
            self._seen[raw] += 1
        if self._seen[raw] == 1:
            self.inbox.append(SipMessage.parse(raw))
            self.came.append(self.inbox[-1])
        return True
