"""What phones do together, in one word each."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.phone import Phone
from tests.support.phone_calls import Dialog, Incoming, Outgoing
from tests.support.sip_text import sdp
from tests.support.until import until


@dataclass
class Ringing:
    """A call that rings: both of its ends."""

    caller: Phone
    callee: Phone
    outgoing: Outgoing
    inbound: Incoming

    def ends(self) -> None:
        """The caller gives up, and the ringing phone hears of it."""
        assert self.outgoing.cancels().status == 200
        self.inbound.is_cancelled()
        assert self.outgoing.ends_with().status == 487


def ring(caller: Phone, callee: Phone, dialled: str = "", *, supported: str = "replaces", **more: object) -> Ringing:
    """The caller dials, the callee's phone rings, and the caller hears it. more: as for Phone.dials."""
    outgoing = caller.dials(dialled or callee.number, supported=supported, **more)  # type: ignore[arg-type]
    inbound = callee.rung()
    inbound.answers(180)
    outgoing.expects(180)
    return Ringing(caller, callee, outgoing, inbound)


def talk(caller: Phone, callee: Phone, direction: str = "sendrecv") -> tuple[Dialog, Dialog]:
    """A call that was answered: the caller's end and the callee's. direction: what the caller offers."""
    outgoing = caller.dials(callee.number, body=sdp(direction))
    inbound = callee.rung()
    inbound.answers(200)
    return outgoing.dialog(outgoing.expects(200)), inbound.dialog()


def take_over(call: Ringing, picker: Phone, dialled: str) -> Dialog:
    """The picker dials and gets the call; the caller's phone behaves as RFC 3891 asks. Returns the picker's end."""
    pickup = picker.dials(dialled)
    call.caller.rung(replaces=True).answers(200)
    dialog = pickup.dialog(pickup.expects(200))
    call.ends()
    return dialog


def is_offered(pickup: Outgoing, caller: Phone, within_s: float = 3.0) -> bool:
    """Whether a pickup reaches the caller's phone; False when it is answered without that. Raises AssertionError."""
    known = list(caller.inbox)

    def outcome() -> str:
        caller.hears()
        pickup.phone.hears()
        if any("Replaces" in m for m in caller.inbox if m not in known):
            return "offered"
        return "answered" if pickup.is_over else ""

    return until(outcome, within_s=within_s, what="a pickup's outcome") == "offered"
