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

    def set_timers(self, *, answer_ms: int, silence_ms: int = 0) -> None:
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

    @property
    def is_cancelled(self) -> bool:
        return KSR.tm.t_is_canceled() > 0

    @property
    def is_known(self) -> bool:
        return KSR.tm.t_check_trans() > 0

    def aim(self, uri: str, flow: Flow | None = None) -> None:
        KSR.pv.sets("$ru", uri)
        if flow is None:
            KSR.resetdsturi()
        else:
            KSR.pv.sets("$du", flow.uri)
            KSR.pv.sets("$fs", flow.socket)
