"""The transaction of the message at hand, in Kamailio's tm."""

from __future__ import annotations

import time
from collections.abc import Callable

import KSR

from kemi.ksr.incoming import flow_of, text
from kemi.sip.flow import Flow
from kemi.sip.ports import Callback
from kemi.sip.uri import hop_of

ANSWERED = "$avp(answered)"
REPEATED = 0
"""Of t_newtran: the INVITE is there already."""
CANCELLED_WITHIN_MS = 20
"""The worker that relays a 2xx has cancelled by then what it cancels."""


class KamailioTransaction:
    """Implements kemi.sip.ports.Transaction.

    every_branch: called for the branches of whatever is sent with callbacks, unless those name another.
    """

    def __init__(self, every_branch: Callback | None = None) -> None:
        self._every_branch = every_branch
        self.unsent: Callable[[], None] = lambda: None
        """What is to be done when a relay could send nothing; every_branch has been called (set by the wiring)."""

    def reply(self, status: int, reason: str, headers: tuple[str, ...] = ()) -> None:
        for line in headers:
            KSR.hdr.append_to_reply(line + "\r\n")
        if KSR.is_INVITE() and KSR.tmx.t_is_request_route() > 0 and KSR.tm.t_newtran() == REPEATED:
            # It has had the answer of the first once more: this one would be that INVITE's.
            return
        KSR.sl.send_reply(status, reason)

    def create(self) -> None:
        # In a failure route it is there already, and in a request route tm looks.
        if KSR.tmx.t_is_request_route() > 0:
            KSR.tm.t_newtran()

    @property
    def name(self) -> str:
        return f"{KSR.pv.get('$T(id_index)')}:{KSR.pv.get('$T(id_label)')}"

    @property
    def own_tag(self) -> str:
        return str(KSR.pv.get("$sel(tm.uas.local_to_tag)") or "")

    def provisional(self, status: int, reason: str) -> None:
        KSR.tm.t_send_reply(status, reason)

    def answer_another(self, call_id: str, cseq: str, status: int, reason: str) -> None:
        # t_reply_callid() leaves the worker with the other transaction, which tm then lets go of, and ends, as one that
        # the script forgot, unless the script has said of any that it is done with it. A timer has none.
        KSR.tm.t_newtran()
        KSR.tm.t_release()
        KSR.tmx.t_reply_callid(call_id, cseq, status, reason)

    def suspend(self) -> None:
        KSR.tmx.t_suspend()

    def resume(self, name: str, callback: Callback) -> None:
        index, _, label = name.partition(":")
        # KEMI takes a signed int; Kamailio reads the same 32 bits as an unsigned one.
        KSR.tmx.t_continue(signed(int(index)), signed(int(label)), callback.value)

    def relay(self) -> bool:
        if KSR.tm.t_relay() >= 0:
            return True
        self.unsent()
        return False

    def relay_failed(self) -> None:
        KSR.sl.sl_reply_error()

    def call_back(self, *, reply: Callback | None, failure: Callback | None, branch: Callback | None = None) -> None:
        if reply:
            KSR.tm.t_on_reply(reply.value)
        if failure:
            KSR.tm.t_on_failure(failure.value)
        if branch := branch or self._every_branch:
            KSR.tm.t_on_branch(branch.value)

    def set_timers(self, *, answer_ms: int, silence_ms: int) -> None:
        KSR.tm.t_set_fr(answer_ms, silence_ms)
        # tm bounds the whole transaction as well (max_inv_lifetime), however many branches follow one another.
        KSR.tm.t_set_max_lifetime(max(answer_ms + 5000, 180_000), 0)

    def cancel_others(self) -> None:
        KSR.tmx.t_cancel_branches("others")

    def see_others_end(self, status: int) -> None:
        if 200 <= status < 300:
            KSR.pv.sets(ANSWERED, "1")
        elif 100 < status < 200 and KSR.pv.get(ANSWERED) is not None:
            # When the stack has relayed a 2xx it cancels the branches that have had a provisional answer, and leaves
            # alone those that had none. One whose answer waits for its callback meanwhile (this one) it counts among
            # neither of them afterwards; while the callback is under way it counts as answered.
            for _ in range(CANCELLED_WITHIN_MS):
                if KSR.tmx.t_cancel_branches("this") > 0:
                    return
                time.sleep(0.001)

    def ignore_6xx(self) -> None:
        KSR.tm.t_set_disable_6xx(1)

    def remember(self, name: str, note: str) -> None:
        KSR.pv.sets(f"$avp({name})", note)

    def recall(self, name: str) -> str:
        value = KSR.pv.get(f"$avp({name})")
        return "" if value is None else str(value)

    @property
    def caller_end(self) -> tuple[str, Flow]:
        contact = text("$(T_req($ct){nameaddr.uri})")
        return contact, flow_of(lambda name: text(f"$T_req({name})"))

    @property
    def branch(self) -> int:
        return int(KSR.tm.t_get_branch_index())

    @property
    def leaves_by(self) -> Flow:
        ip, port, transport = hop_of(text("$du") or text("$ru"))
        return Flow(transport, ip, port, text("$fs"))

    @property
    def final_status(self) -> int:
        return int(KSR.tm.t_get_status_code())

    def final_header(self, name: str) -> str:
        value = KSR.pv.get(f"$T_rpl($hdr({name}))")
        return "" if value is None else str(value)

    def drop_answers(self) -> None:
        KSR.tm.t_drop_replies("a")

    @property
    def is_unanswered(self) -> bool:
        return KSR.tm.t_branch_timeout() > 0 and not KSR.tm.t_branch_replied() > 0

    @property
    def is_cancelled(self) -> bool:
        return KSR.tm.t_is_canceled() > 0

    @property
    def is_known(self) -> bool:
        return KSR.tm.t_check_trans() > 0

    @property
    def cancels(self) -> str:
        # The branch is no secret of the phone's to who reads along. RFC 3261 §9.1: both go the same way, hop by hop.
        if KSR.tm.t_lookup_cancel() <= 0 or KSR.pv.get("$T_inv($si)") != KSR.pv.get("$si"):
            return ""
        return str(KSR.pv.get("$T_inv($ci)") or "")

    def aim(self, uri: str, flow: Flow | None = None) -> None:
        KSR.pv.sets("$ru", uri)
        if flow is None:
            KSR.resetdsturi()
        else:
            send_over(flow)


def send_over(flow: Flow) -> None:
    """Make a flow the next hop of the request at hand."""
    KSR.pv.sets("$du", flow.uri)
    KSR.pv.sets("$fs", flow.socket)
    if flow.is_stream:
        # RFC 5626 §5.3: over that connection or not at all; behind a NAT nobody would take another.
        KSR.set_forward_no_connect()


def signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number
