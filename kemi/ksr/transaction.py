"""The transaction of the message at hand, in Kamailio's tm."""

from __future__ import annotations

import KSR

from kemi.sip.flow import Flow
from kemi.sip.ports import Callback


class KamailioTransaction:
    """Implements kemi.sip.ports.Transaction."""

    def reply(self, status: int, reason: str, headers: tuple[str, ...] = ()) -> None:
        for line in headers:
            KSR.hdr.append_to_reply(line + "\r\n")
        if KSR.is_INVITE() and KSR.tmx.t_is_request_route() > 0:
            KSR.tm.t_newtran()
        KSR.sl.send_reply(status, reason)

    def create(self) -> None:
        KSR.tm.t_newtran()

    @property
    def name(self) -> str:
        return f"{KSR.pv.get('$T(id_index)')}:{KSR.pv.get('$T(id_label)')}"

    @property
    def own_tag(self) -> str:
        return str(KSR.pv.get("$sel(tm.uas.local_to_tag)") or "")

    def provisional(self, status: int, reason: str) -> None:
        KSR.tm.t_send_reply(status, reason)

    def repeat_provisional(self, call_id: str, cseq: str, status: int, reason: str) -> None:
        KSR.tmx.t_reply_callid(call_id, cseq, status, reason)

    def suspend(self) -> None:
        KSR.tmx.t_suspend()

    def resume(self, name: str, callback: Callback) -> None:
        index, _, label = name.partition(":")
        # KEMI takes a signed int; Kamailio reads the same 32 bits as an unsigned one.
        KSR.tmx.t_continue(_signed(int(index)), _signed(int(label)), callback.value)

    def relay(self) -> bool:
        return KSR.tm.t_relay() >= 0

    def relay_failed(self) -> None:
        KSR.sl.sl_reply_error()

    def call_back(self, *, reply: Callback | None, failure: Callback | None, branch: Callback | None = None) -> None:
        if reply:
            KSR.tm.t_on_reply(reply.value)
        if failure:
            KSR.tm.t_on_failure(failure.value)
        if branch:
            KSR.tm.t_on_branch(branch.value)

    def set_timers(self, *, answer_ms: int, silence_ms: int) -> None:
        KSR.tm.t_set_fr(answer_ms, silence_ms)
        # tm bounds the whole transaction as well (max_inv_lifetime), however many branches follow one another.
        KSR.tm.t_set_max_lifetime(max(answer_ms + 5000, 180_000), 0)

    def ignore_6xx(self) -> None:
        KSR.tm.t_set_disable_6xx(1)

    def remember(self, name: str, note: str) -> None:
        KSR.pv.sets(f"$avp({name})", note)

    def recall(self, name: str) -> str:
        value = KSR.pv.get(f"$avp({name})")
        return "" if value is None else str(value)

    @property
    def branch(self) -> int:
        return int(KSR.tm.t_get_branch_index())

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
        if KSR.tm.t_lookup_cancel() <= 0:
            return ""
        return str(KSR.pv.get("$T_inv($ci)") or "")

    def aim(self, uri: str, flow: Flow | None = None) -> None:
        KSR.pv.sets("$ru", uri)
        if flow is None:
            KSR.resetdsturi()
        else:
            KSR.pv.sets("$du", flow.uri)
            KSR.pv.sets("$fs", flow.socket)


def _signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number
