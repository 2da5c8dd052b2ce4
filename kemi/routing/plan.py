"""How an account is rung, and for how long: pure functions of what is provisioned.

An extension is rung like a group of one stage with one member, so that both share ringing, time-out and forwards. An
agent group is rung one agent after another, but only while there is no state store to queue its callers.
"""

from __future__ import annotations

from kemi.accounts.model import Account, AgentGroup, Extension, Forward, HuntGroup, Stage
from kemi.dialogs.call_note import CallNote

BUSY = (486, 600)
UNANSWERED = (408, 480)
TRACKING_SLACK_S = 20
"""How long a call's keys outlive its longest ring, so that a late event still finds them."""


def stages_of(account: Account) -> tuple[Stage, ...]:
    if isinstance(account, HuntGroup):
        return account.stages
    if isinstance(account, AgentGroup):
        return tuple(Stage((agent,), account.ring_s) for agent in account.agents)
    return (Stage((account.number,)),)


def no_answer_of(account: Account) -> Forward | None:
    """Where a call goes on that nobody answered in time; after_s 0: when every stage has been rung."""
    if isinstance(account, AgentGroup):
        return Forward(account.overflow) if account.overflow else None
    return account.no_answer


def forward_after(account: Account, status: int) -> Forward | None:
    """Where a call goes on that ended here with a status. A group has one way out, whatever its members said."""
    if isinstance(account, Extension):
        return account.busy if status in BUSY else account.no_answer if status in UNANSWERED else None
    return no_answer_of(account)


def remaining_ms(note: CallNote, account: Account, now_ms: int, ring_max_s: int) -> int:
    """How long the account may ring altogether from now on."""
    forward = no_answer_of(account)
    if forward is None or not forward.after_s:
        return ring_max_s * 1000
    return note.routed_at_ms + forward.after_s * 1000 - now_ms


def ring_ms(note: CallNote, account: Account, now_ms: int, ring_max_s: int) -> int:
    """How long the note's stage rings: the last one until no_answer.after_s, none beyond it."""
    stages = stages_of(account)
    stage_ms = stages[note.stage].ring_s * 1000
    forward = no_answer_of(account)
    is_bounded = forward is not None and forward.after_s > 0
    left_ms = max(remaining_ms(note, account, now_ms, ring_max_s), 1)
    is_last = note.stage == len(stages) - 1
    if not stage_ms or (is_last and is_bounded):
        return left_ms
    return min(stage_ms, left_ms) if is_bounded else stage_ms


def tracked_ms(account: Account, ring_max_s: int) -> int:
    """How long the record may live until the next stage lengthens it."""
    forward = no_answer_of(account)
    longest_s = max(ring_max_s, forward.after_s if forward else 0, *(stage.ring_s for stage in stages_of(account)))
    return (longest_s + TRACKING_SLACK_S) * 1000
