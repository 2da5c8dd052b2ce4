"""A telephone that acts by itself: it reads from an event loop and answers at once, as a device does.

Its calls are objects that know how far they are: `Placed` (this device sent the INVITE), `Offered` (it received one).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from tests.support.phone import Phone
from tests.support.phone_calls import Dialog, Incoming, Outgoing
from tests.support.sip_text import SipMessage, sdp
from tests.support.wire import Datagrams

REPEATS_AFTER_S = 0.5
"""RFC 3261 T1: a 2xx is repeated until its ACK comes (§13.3.1.4)."""

End = tuple[str, frozenset[str]]
"""A dialog, the same from both ends: Call-ID and the two tags."""


class Placed:
    """A call that a device makes."""

    def __init__(self, device: Device, dialled: str) -> None:
        self.device = device
        self.out = Outgoing(device, f"sip:{dialled}@{device.domain}", [("Supported", "replaces")], sdp())
        self.proof: tuple[str, str] | None = None
        """Credentials for the challenge that has come: the INVITE that matters can go out at any moment."""
        self.has_gone = self.is_heard = False
        self.status, self.reason = 0, ""
        """Of the first final answer; 0 while there is none."""
        self.early_tag = ""
        """To tag of the last provisional answer: the only early dialog that the device knows (as PJSIP)."""
        self.gives_up = self.is_replaced = False
        self.taken: list[str] = []
        """To tags of every answer."""
        self.dialogs: dict[str, Dialog] = {}
        """Established, by To tag."""
        self._is_cancelled = False

    @property
    def is_open(self) -> bool:
        return self.has_gone and not self.status

    def prepares(self) -> None:
        """Have the node challenge."""
        self.out.invites()

    def goes(self) -> None:
        assert self.proof is not None
        self.has_gone = True
        self.out.invites(self.proof)

    def cancels(self) -> None:
        """RFC 3261 §9.1: not before a provisional answer has come."""
        self.gives_up = True
        if not self.is_open or not self.is_heard or self._is_cancelled:
            return
        self._is_cancelled = True
        out = self.out
        text = self.device.requests(
            "CANCEL", out.uri, call_id=out.call_id, tag=out.tag, cseq=out.cseq, via=out.via, headers=[]
        )
        self.device.sends(text)

    def ends(self) -> None:
        """Say BYE in every dialog of it."""
        for dialog in self.dialogs.values():
            dialog.sends("BYE")
        self.dialogs.clear()

    def hears(self, answer: SipMessage) -> None:
        if answer["CSeq"].split()[0] != str(self.out.cseq):
            return
        if answer.status == 407 and self.proof is None:
            self.out.acks(answer)
            self.proof = self.device.proves(answer, "INVITE", self.out.uri)
        elif answer.status < 200:
            self._is_told(answer)
        elif answer.status < 300:
            self._is_answered(answer)
        else:
            self.out.acks(answer)
            self.status, self.reason = self.status or answer.status, self.reason or answer.reason

    def _is_told(self, answer: SipMessage) -> None:
        self.is_heard = True
        self.early_tag = answer.tag("To") if answer.status > 100 else self.early_tag
        if self.gives_up:
            self.cancels()

    def _is_answered(self, answer: SipMessage) -> None:
        tag = answer.tag("To")
        dialog = self.out.dialog(answer)
        if tag in self.taken:
            return
        self.taken.append(tag)
        self.status = self.status or answer.status
        if self.gives_up or (len(self.taken) > 1 and self.device.ends_second_answers and not self.is_replaced):
            dialog.sends("BYE")
        else:
            # One that was replaced keeps what comes too late, as PJSIP does.
            self.dialogs[tag] = dialog


class Offered:
    """A call that a device is offered."""

    def __init__(self, device: Device, invite: SipMessage) -> None:
        self.device, self.invite = device, invite
        self.incoming = Incoming(device, invite)
        self.rings, self.status = True, 0
        """It rings until it has a final status."""
        self.is_cancelled = False
        self.dialog: Dialog | None = None
        """Established."""
        self.awaits_ack = False

    @property
    def replaces(self) -> str:
        return next(iter(self.invite.all("Replaces")), "")

    def answers(self, status: int = 200) -> None:
        """Answer finally, if it rings still."""
        if not self.rings:
            return
        self.rings, self.status = False, status
        self.incoming.answers(status)
        if status < 300:
            self.awaits_ack = True
            self._repeats(REPEATS_AFTER_S)

    def ends(self) -> None:
        if self.dialog is not None:
            self.dialog.sends("BYE")
            self.dialog = None

    def is_told(self, request: SipMessage) -> None:
        if request.method == "CANCEL":
            self.device.replies(request, 200, tag=self.incoming.tag)
            self.is_cancelled = True
            self.answers(487)
        elif request.method == "ACK" and self.awaits_ack:
            self.awaits_ack = False
            self.device.inbox.append(request)
            self.dialog = self.incoming.dialog()
        elif request.method == "BYE":
            # An ACK that the BYE has overtaken establishes nothing any more.
            self.awaits_ack, self.dialog = False, None
            self.device.replies(request, 200)

    def _repeats(self, after_s: float) -> None:
        def again() -> None:
            if self.awaits_ack:
                self.incoming.answers(200)
                self._repeats(after_s * 2)

        self.device.loop.call_later(after_s, again)


class Device(Phone):
    """One extension's device. `noticed` is called after each message that came."""

    def __init__(self, proxy: str, number: str, *, domain: str, noticed: Callable[[], None]) -> None:
        super().__init__(proxy, number, domain=domain)
        self.placed: list[Placed] = []
        self.offered: list[Offered] = []
        self.when_rung: Callable[[Offered], None] = rings
        self.ends_second_answers = True
        """What it does with another phone's answer to an INVITE of its own that was answered already."""
        self.said: list[tuple[float, str, str]] = []
        """What it sent and received: seconds, direction, what."""
        self.loop = asyncio.get_running_loop()
        self._noticed = noticed

    @property
    def socket(self) -> socket.socket:
        assert isinstance(self.wire, Datagrams)
        return self.wire.socket

    def listens(self) -> None:
        """From now on messages are answered as they come."""
        self.socket.setblocking(False)
        self.loop.add_reader(self.socket, self._hears_all)

    def close(self) -> None:
        self.loop.remove_reader(self.socket)
        super().close()

    def forgets(self) -> None:
        """Begin anew."""
        for kept in (self.placed, self.offered, self.inbox, self.said):
            kept.clear()
        self._seen.clear()
        self.when_rung, self.ends_second_answers = rings, True

    def calls(self, dialled: str) -> Placed:
        """Prepare a call; it is made when it `goes`."""
        call = Placed(self, dialled)
        self.placed.append(call)
        call.prepares()
        return call

    def sends(self, message: str | bytes) -> None:
        raw = message if isinstance(message, bytes) else message.encode("utf-8", "surrogateescape")
        self.said.append((time.monotonic(), "→", _what(SipMessage.parse(raw))))
        super().sends(raw)

    @property
    def ends_of_dialogs(self) -> list[End]:
        """The dialogs that it believes to be established."""
        placed = [(call.out.call_id, frozenset((call.out.tag, tag))) for call in self.placed for tag in call.dialogs]
        offered = [
            (offer.incoming.call_id, frozenset((offer.invite.tag("From"), offer.incoming.tag)))
            for offer in self.offered
            if offer.dialog is not None
        ]
        return placed + offered

    def _hears_all(self) -> None:
        while True:
            try:
                raw = self.socket.recv(65535)
            except (BlockingIOError, ConnectionRefusedError):
                break
            message = SipMessage.parse(raw)
            repeated, is_answer = raw in self._seen, 200 <= message.status < 300
            self._seen[raw] += 1
            self.said.append((time.monotonic(), "←", _what(message) + (" (again)" if repeated else "")))
            if not repeated or is_answer:
                self._acts_on(message)
        self._noticed()

    def _acts_on(self, message: SipMessage) -> None:
        call_id = message["Call-ID"]
        if message.status:
            if message.method == "INVITE":
                for call in self.placed:
                    if call.out.call_id == call_id:
                        call.hears(message)
        elif message.method == "INVITE":
            offer = Offered(self, message)
            self.offered.append(offer)
            self.when_rung(offer)
        elif not self._is_of_an_offer(message) and message.method == "BYE":
            self._is_hung_up_on(message)

    def _is_of_an_offer(self, request: SipMessage) -> bool:
        for offer in self.offered:
            if offer.incoming.call_id != request["Call-ID"]:
                continue
            if request.method == "CANCEL":
                is_its = _branch(request) == _branch(offer.invite)
            else:
                is_its = request.tag("To") == offer.incoming.tag
            if is_its:
                offer.is_told(request)
                return True
        return False

    def _is_hung_up_on(self, bye: SipMessage) -> None:
        found = [c.dialogs.pop(bye.tag("From"), None) for c in self.placed if c.out.call_id == bye["Call-ID"]]
        self.replies(bye, 200 if any(found) else 481)


def rings(offer: Offered) -> None:
    offer.incoming.answers(180)


def _branch(request: SipMessage) -> str:
    return request["Via"].partition("branch=")[2].partition(";")[0]


def _what(message: SipMessage) -> str:
    tags = f"{message.tag('From')[:6]}/{message.tag('To')[:6]}"
    replaced = f" Replaces {message['Replaces']}" if "Replaces" in message else ""
    return f"{message.start} [{message['CSeq']}] {message['Call-ID'][:8]} {tags}{replaced}"
