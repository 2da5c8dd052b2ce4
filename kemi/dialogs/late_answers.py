"""Answers that come too late: the call is somebody else's already. The node acknowledges and ends them itself.

A caller's device that has let itself be picked up may acknowledge such an answer and then never say BYE.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from kemi.dialogs.far_end import FarEnd
from kemi.sip.dialog import DialogId
from kemi.sip.ports import Message, Spiral


class Marks(Protocol):
    """Which answers are not to be relayed. A mark lasts longer than an answer is repeated (RFC 3261 timer H)."""

    def refuse(self, dialog: DialogId, winner: str) -> None:
        """Every 2xx to this INVITE but the one with the winner's To tag ('': every one)."""
        ...

    def refuse_one(self, dialog: DialogId, callee_tag: str) -> None: ...
    def is_first(self, dialog: DialogId, callee_tag: str) -> bool:
        """Whether this answer is seen for the first time."""
        ...

    def contest(self, dialog: DialogId) -> None:
        """The first 2xx to this INVITE is to be the only one."""
        ...

    def wins(self, dialog: DialogId, callee_tag: str) -> bool:
        """Whether this 2xx is the first, atomically; the others are refused from then on."""
        ...

    def is_taken(self, dialog: DialogId, besides: str) -> bool:
        """Whether 2xx to this INVITE are refused, all or all but one, which has another To tag than `besides`."""
        ...

    def open(self, dialog: DialogId, callee_tag: str) -> None:
        """The contest is over, and this 2xx ('': none) has not won: any other may come through."""
        ...

    def keep(self, dialog: DialogId, callee_tag: str, note: str) -> None: ...
    def take(self, dialog: DialogId, callee_tag: str) -> str:
        """What was kept for this dialog, once; '' when nothing was."""
        ...


class LateAnswers:
    def __init__(self, message: Callable[[], Message], marks: Marks, spiral: Spiral) -> None:
        self._message = message
        self._marks = marks
        self._spiral = spiral

    def refuse(self, dialog: DialogId, *, winner: str = "") -> None:
        """The call is taken: answers to its INVITE are ended here. winner: To tag of the one that is not."""
        self._marks.refuse(dialog, winner)

    def contest(self, dialog: DialogId) -> None:
        """Two devices may answer from now on: the first answer is relayed, the other ended here."""
        self._marks.contest(dialog)

    def call_off(self, dialog: DialogId) -> None:
        """One of the two devices has given up."""
        self._marks.open(dialog, "")

    def is_taken(self, dialog: DialogId, *, besides: str = "") -> bool:
        """Whether the call is somebody's already, so that nothing else is to be tried for it.

        besides: To tag of the one that does not count.
        """
        return self._marks.is_taken(dialog, besides)

    def contested(self) -> None:
        """An answer is at hand to a call that two devices may answer; refused from now on, unless it is the first."""
        message = self._message()
        dialog = DialogId.of(message)
        if not self._marks.wins(dialog, message.to_tag):
            self._marks.refuse_one(dialog, message.to_tag)

    def arrived(self) -> None:
        """An answer that is refused is at hand. It goes no further, and its branch has ended."""
        # One that another transaction of this node has relayed was ended there already.
        if not self._spiral.is_from_here():
            self._end_at_hand()
        self._spiral.end_branch(487, "Request Terminated")

    def end_this(self) -> None:
        """The answer at hand comes too late; it is acknowledged, ended and refused."""
        message = self._message()
        dialog = DialogId.of(message)
        self._marks.open(dialog, message.to_tag)
        self._marks.refuse_one(dialog, message.to_tag)
        self._end_at_hand()

    def end(self, far: FarEnd, caller: FarEnd) -> None:
        """An answer that was relayed: its dialog is ended at both ends, now, and again once the caller acknowledges it.

        caller: the same dialog as the callee would end it. A device that let itself be picked up may keep it otherwise.
        """
        self.end_when_acknowledged(far, caller)
        self._send("BYE", far)
        self._send("BYE", caller)

    def end_when_acknowledged(self, far: FarEnd, caller: FarEnd) -> None:
        """An answer that is about to be relayed: a BYE now would overtake it."""
        self._marks.keep(far.dialog, far.callee_tag, json.dumps([far.pack(), caller.pack()]))

    def acknowledged(self, message: Message) -> None:
        """An ACK has been relayed. If its dialog is not to be, it ends now."""
        kept = self._marks.take(DialogId.of(message), message.to_tag)
        if kept:
            for end in json.loads(kept):
                self._send("BYE", FarEnd.unpack(end))

    def _end_at_hand(self) -> None:
        """Acknowledge the answer at hand, and end its dialog if it is not one that is repeated."""
        message = self._message()
        far = FarEnd.of(message)
        self._send("ACK", far)
        if self._marks.is_first(DialogId.of(message), message.to_tag):
            self._send("BYE", far)

    def _send(self, method: str, far: FarEnd) -> None:
        self._spiral.begin(method, far.target, far.next_hop, far.headers(method))
