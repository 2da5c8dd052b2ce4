"""Calls of the test phone, seen from either end."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from tests.support.sip_text import SipMessage, sdp

if TYPE_CHECKING:
    from tests.support.phone import Headers, Phone

WITHIN_S = 10.0
"""Longest wait for a message: so long that a machine which is busy with other things fails no test."""


class Dialog:
    """An end of a confirmed dialog (RFC 3261 §12)."""

    def __init__(self, phone: Phone, call_id: str, own: str, peer: str, target: str, routes: list[str]) -> None:
        """own, peer: value of the From that this end writes, and of the To, tags included."""
        self.phone, self.call_id, self.target, self.routes = phone, call_id, target, routes
        self._own, self._peer = own, peer
        self._cseq = 100

    @property
    def own_tag(self) -> str:
        return self._own.rpartition(";tag=")[2]

    @property
    def peer_tag(self) -> str:
        return self._peer.rpartition(";tag=")[2]

    def sends(
        self,
        method: str,
        *,
        body: str = "",
        headers: Headers = (),
        cseq: int = 0,
        routes: list[str] | None = None,
    ) -> str:
        """Send a request inside the dialog; returns its Via. routes: a Route set other than the dialog's own."""
        self._cseq += 1
        via = self.phone.via()
        route_set = self.routes if routes is None else routes
        named = [
            ("From", self._own),
            ("To", self._peer),
            *(("Route", route) for route in route_set),
            *headers,
        ]
        self.phone.sends(
            self.phone.requests(
                method,
                self.target,
                call_id=self.call_id,
                cseq=cseq or self._cseq,
                via=via,
                headers=named,
                body=body,
            )
        )
        return via

    def asks(
        self, method: str, *, body: str = "", headers: Headers = (), routes: list[str] | None = None
    ) -> SipMessage:
        """Send a request inside the dialog and return its final answer."""
        answer = self.phone.answer_to(self.sends(method, body=body, headers=headers, routes=routes))
        if method == "INVITE":
            self.sends("ACK", cseq=self._cseq)
        return answer

    def ends(self, peer: Phone) -> None:
        """Say BYE, which the other phone answers."""
        via = self.sends("BYE")
        peer.replies(peer.gets("BYE", self.call_id), 200)
        assert self.phone.answer_to(via).status == 200

    def reinvites(self, peer: Phone, direction: str, answered: str) -> None:
        """Send another description of this direction; the other phone answers with its own."""
        self.offers(peer, sdp(direction), sdp(answered))

    def offers(self, peer: Phone, offer: str, answer: str) -> tuple[str, str]:
        """Send another description; the other phone answers. Returns what it got, and what this one got."""
        via = self.sends("INVITE", body=offer)
        invite = peer.gets("INVITE", self.call_id)
        peer.replies(invite, 200, body=answer)
        accepted = self.phone.answer_to(via)
        assert accepted.status == 200
        self.sends("ACK", cseq=self._cseq)
        peer.gets("ACK", self.call_id)
        return invite.body, accepted.body


class Outgoing:
    """A call that this phone makes."""

    def __init__(self, phone: Phone, uri: str, headers: list[tuple[str, str]], body: str) -> None:
        self.phone, self.uri, self.headers, self.body = phone, uri, headers, body
        self.call_id, self.tag = secrets.token_hex(8), secrets.token_hex(4)
        self.cseq, self.via = 0, ""

    def invites(self, *more: tuple[str, str]) -> None:
        self.cseq += 1
        self.via = self.phone.via()
        self.phone.sends(self._request("INVITE", [*self.headers, *more], self.body))

    def expects(self, *statuses: int, within_s: float = WITHIN_S) -> SipMessage:
        """The next answer to the INVITE with one of these codes; a negative final one is acknowledged."""
        branch = self.via.split("branch=")[1].partition(";")[0]
        answer = self.phone.expects(
            lambda m: m.status in statuses and m.method == "INVITE" and branch in m["Via"],
            "/".join(map(str, statuses)),
            within_s,
        )
        if answer.status >= 300:
            self.acks(answer)
        return answer

    def expects_any(self, within_s: float = WITHIN_S) -> SipMessage:
        """The next answer of whatever code above 100."""
        branch = self.via.split("branch=")[1].partition(";")[0]
        return self.phone.expects(lambda m: m.status > 100 and branch in m["Via"], "an answer", within_s)

    def ends_with(self, within_s: float = WITHIN_S) -> SipMessage:
        """The final answer to the INVITE, acknowledged when it is negative."""
        branch = self.via.split("branch=")[1].partition(";")[0]
        answer = self.phone.expects(
            lambda m: m.status >= 200 and m.method == "INVITE" and branch in m["Via"],
            "a final answer",
            within_s,
        )
        if answer.status >= 300:
            self.acks(answer)
        return answer

    @property
    def is_over(self) -> bool:
        """Whether a negative final answer has come; it is acknowledged, and kept as `last`."""
        branch = self.via.split("branch=")[1].partition(";")[0]
        found = [m for m in self.phone.inbox if m.status >= 300 and branch in m["Via"]]
        for answer in found:
            self.phone.inbox.remove(answer)
            self.acks(answer)
            self.last = answer
        return bool(found)

    def acks(self, answer: SipMessage) -> None:
        """Acknowledge a negative answer, on its transaction (RFC 3261 §17.1.1.3)."""
        self.phone.sends(self._request("ACK", [("To", answer["To"])], ""))

    def cancels(self) -> SipMessage:
        """Cancel, and return what the node answers to the CANCEL itself."""
        self.phone.sends(self._request("CANCEL", [], ""))
        return self.phone.expects(lambda m: m.status >= 200 and m.method == "CANCEL", "an answer to CANCEL")

    def gives_up(self) -> None:
        """Cancel and see the call end with 487."""
        assert self.cancels().status == 200
        assert self.ends_with().status == 487

    def dialog(self, answer: SipMessage, *, body: str = "") -> Dialog:
        """The dialog that a 200 made; it is acknowledged. body: the answer to an offer in the 200."""
        dialog = self.early_dialog(answer)
        dialog.sends("ACK", cseq=self.cseq, body=body)
        return dialog

    def early_dialog(self, answer: SipMessage) -> Dialog:
        """The dialog that an answer to the INVITE made (RFC 3261 §12.1.2)."""
        routes = list(reversed(answer.all("Record-Route")))
        own = f'"{self.phone.name}" <{self.phone.aor}>;tag={self.tag}'
        return Dialog(self.phone, self.call_id, own, answer["To"], answer.contact, routes)

    def _request(self, method: str, headers: list[tuple[str, str]], body: str) -> str:
        return self.phone.requests(
            method,
            self.uri,
            call_id=self.call_id,
            tag=self.tag,
            cseq=self.cseq,
            via=self.via,
            headers=headers,
            body=body,
        )


class Incoming:
    """A call that this phone is offered."""

    def __init__(self, phone: Phone, invite: SipMessage) -> None:
        self.phone, self.invite = phone, invite
        self.tag = secrets.token_hex(4)

    @property
    def call_id(self) -> str:
        return self.invite["Call-ID"]

    def answers(self, status: int, *, body: str | None = None, tag: str = "", headers: Headers = ()) -> None:
        """Reply to the INVITE. tag: another early dialog than this phone's usual one."""
        with_body = body if body is not None else sdp() if status == 200 else ""
        self.phone.replies(self.invite, status, tag=tag or self.tag, headers=headers, body=with_body)

    def dialog(self) -> Dialog:
        """The dialog that this phone's 200 made, once the caller has acknowledged it."""
        self.phone.gets("ACK", self.call_id)
        own = f"{self.invite['To']};tag={self.tag}"
        routes = self.invite.all("Record-Route")
        return Dialog(self.phone, self.call_id, own, self.invite["From"], self.invite.contact, routes)

    def is_cancelled(self) -> SipMessage:
        """The CANCEL of this call, which is answered, as is the INVITE with 487."""
        cancel = self.phone.gets("CANCEL", self.call_id)
        self.phone.replies(cancel, 200, tag=self.tag)
        self.answers(487)
        self.phone.gets("ACK", self.call_id)
        return cancel


def replaces_of(invite: SipMessage) -> tuple[str, str, str, bool]:
    """Call-ID, to-tag, from-tag and early-only of a Replaces header (RFC 3891 §6.1)."""
    call_id, *parts = [part.strip() for part in re.split(";", invite["Replaces"])]
    values = dict(part.partition("=")[::2] for part in parts)
    return call_id, values["to-tag"], values["from-tag"], "early-only" in values
