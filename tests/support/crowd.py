"""Many callers of one queue, and a picker, in one thread: phones that answer whatever comes, in whatever order.

Give each its turn (`acts`) until what is waited for has come about.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.support.phone import Phone
from tests.support.phone_calls import Dialog, Incoming, Outgoing, replaces_of
from tests.support.sip_text import SipMessage, sdp


def call_id_of(number: int) -> str:
    return f"caller-{number}@crowd"


def number_of(call_id: str) -> int | None:
    """Which of the crowd's callers a Call-ID belongs to."""
    name, _, place = call_id.partition("@")
    return int(name.removeprefix("caller-")) if place == "crowd" else None


@dataclass
class Caller:
    """One call to the queue and what became of it."""

    number: int
    """Callers are numbered in the order in which they entered."""
    call: Outgoing
    entered: bool = False
    """He has heard that he waits or that a phone rings, or was answered at once."""
    served: bool = False
    """An agent answered him, and he took it."""
    picked_up: bool = False
    """His phone accepted a picker."""
    refused: int = 0
    """Status that his call ended with, though nobody had served him; 0: it did not."""
    late_answers: int = 0
    """Answers of an agent that crossed the cancellation after a pickup: hung up at once."""
    talk: Dialog | None = None
    talks_since: float = 0.0
    replacing: Incoming | None = None
    is_over: bool = False

    @property
    def talks_in(self) -> str:
        """Call-ID of the call in which he talks, or has talked."""
        return self.replacing.call_id if self.replacing else self.call.call_id


class Crowd(Phone):
    """The callers: one extension's phone with a line for each. A picker is accepted as RFC 3891 §3 says."""

    def __init__(self, proxy: str, number: str, *, domain: str, queue: str) -> None:
        super().__init__(proxy, number, domain=domain, name="Crowd")
        self.callers: list[Caller] = []
        self._queue = f"sip:{queue}@{domain}"
        self._by_call: dict[str, Caller] = {}

    def enters(self) -> Caller:
        """Let one more call begin."""
        call = Outgoing(self, self._queue, [("Supported", "replaces")], sdp())
        call.call_id = call_id_of(len(self.callers))
        caller = Caller(len(self.callers), call)
        self.callers.append(caller)
        self._by_call[call.call_id] = caller
        call.invites()
        return caller

    def hangs_up(self, caller: Caller) -> None:
        assert caller.talk is not None
        caller.talk.sends("BYE")
        caller.talk = None

    def acts(self) -> None:
        """Answer what has come by now."""
        self.hears()
        came, self.inbox = self.inbox, []
        for message in came:
            if message.status:
                self._is_answered(message)
            elif message.method == "INVITE":
                self._is_replaced(message)
            elif message.method == "ACK":
                self._is_acknowledged(message)
            elif message.method == "BYE":
                self._is_hung_up_on(message)

    def _is_answered(self, answer: SipMessage) -> None:
        caller = self._by_call[answer["Call-ID"]]
        if answer.method == "BYE" and answer["Call-ID"] == caller.talks_in:
            caller.is_over = True
        if answer.method != "INVITE":
            return
        if answer.status == 407:
            caller.call.acks(answer)
            caller.call.invites(self.proves(answer, "INVITE", caller.call.uri))
        elif 100 < answer.status < 300:
            caller.entered = True
            if answer.status >= 200:
                self._is_served(caller, answer)
        elif answer.status >= 300:
            caller.call.acks(answer)
            if not caller.picked_up:
                caller.refused, caller.is_over = answer.status, True

    def _is_served(self, caller: Caller, answer: SipMessage) -> None:
        dialog = caller.call.dialog(answer)
        if caller.picked_up:
            caller.late_answers += 1
            dialog.sends("BYE")
            return
        caller.served = True
        caller.talk, caller.talks_since = dialog, time.monotonic()

    def _is_replaced(self, invite: SipMessage) -> None:
        incoming = Incoming(self, invite)
        call_id, to_tag, _, _ = replaces_of(invite)
        caller = self._by_call.get(call_id)
        if caller is None or to_tag != caller.call.tag or caller.is_over or caller.picked_up:
            incoming.answers(481)
        elif caller.served:
            # RFC 3891 §3: early-only, and it is confirmed.
            incoming.answers(486)
        else:
            incoming.answers(200)
            caller.picked_up, caller.replacing = True, incoming
            self._by_call[incoming.call_id] = caller
            self.sends(self._cancel(caller.call))

    def _is_acknowledged(self, ack: SipMessage) -> None:
        caller = self._by_call.get(ack["Call-ID"])
        if caller is None or caller.replacing is None or ack["Call-ID"] != caller.talks_in:
            return
        if caller.talk is None and not caller.is_over:
            self.inbox.append(ack)
            caller.talk, caller.talks_since = caller.replacing.dialog(), time.monotonic()

    def _is_hung_up_on(self, bye: SipMessage) -> None:
        self.replies(bye, 200)
        caller = self._by_call[bye["Call-ID"]]
        # An agent's answer that crossed a pickup the node ends as well.
        if bye["Call-ID"] == caller.talks_in:
            caller.talk, caller.is_over = None, True

    def _cancel(self, call: Outgoing) -> str:
        return self.requests(
            "CANCEL", call.uri, call_id=call.call_id, tag=call.tag, cseq=call.cseq, via=call.via, headers=[]
        )


class Picker(Phone):
    """Dials the pickup code whenever it is told to, and talks until the caller hangs up."""

    def __init__(self, proxy: str, number: str, *, domain: str, code: str) -> None:
        super().__init__(proxy, number, domain=domain, name="Picker")
        self._code = f"sip:{code}@{domain}"
        self._call: Outgoing | None = None
        self.is_idle = True
        self.answers: list[int] = []
        """Final status of each attempt."""

    def picks(self) -> None:
        self.is_idle = False
        self._call = Outgoing(self, self._code, [("Supported", "replaces")], sdp())
        self._call.invites()

    def acts(self) -> None:
        """Answer what has come by now."""
        self.hears()
        came, self.inbox = self.inbox, []
        for message in came:
            if message.status and message.method == "INVITE" and message.status > 100:
                self._is_answered(message)
            elif not message.status and message.method == "BYE":
                self.replies(message, 200)
                self.is_idle = True

    def _is_answered(self, answer: SipMessage) -> None:
        call = self._call
        if call is None or answer["Call-ID"] != call.call_id:
            return
        if answer.status == 407:
            call.acks(answer)
            call.invites(self.proves(answer, "INVITE", call.uri))
        elif answer.status >= 200:
            self.answers.append(answer.status)
            if answer.status < 300:
                call.dialog(answer)
            else:
                call.acks(answer)
                self.is_idle = True


def act_until(
    phones: Sequence[Crowd | Picker], condition: Callable[[], bool], *, within_s: float, what: Callable[[], str]
) -> None:
    """Give the phones their turns until the condition holds; raises AssertionError when it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what()}"
        for phone in phones:
            phone.acts()
