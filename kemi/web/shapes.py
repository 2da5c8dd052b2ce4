"""The shapes of the API, for OpenAPI."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Refused(BaseModel):
    reason: str
    message: str
    """For a person."""


class Me(BaseModel):
    number: str
    domain: str
    name: str


class AccountShape(BaseModel):
    number: str
    name: str
    kind: str = Field(description="`extension`, `hunt_group` or `agent_group`")
    monitored_by: list[str] = Field(description="Who may see its calls and pick them up: numbers, prefixes, `*`")
    monitored_without_pickup: list[str] = Field(description="Who may only see them; wins")
    may_pick_up: bool = Field(description="Whether who asks may pick up from it")


class CallShape(BaseModel):
    id: str
    account: AccountShape
    caller_name: str
    caller: str
    state: str = Field(description="`ringing`, `waiting` (in a queue) or `routed` (no phone rings yet)")
    routed_at_ms: int = Field(
        description="When it was routed to the account, in ms since 1970 by the state store's clock"
    )
    ringing: list[str] = Field(description="The extensions that it rings")
    position: int | None = Field(description="In its queue, 1 is next")
    claimed_by: str = Field(description="Who is picking it up; empty: nobody")
    may_pick_up: bool = Field(description="Whether who asks may pick up from the account")
    can_pick_up: bool = Field(description="Whether a pickup would be tried now")
    obstacle: str = Field(description="Why not")


class CallsShape(BaseModel):
    now_ms: int = Field(description="The state store's clock")
    calls: list[CallShape]


class Candidate(BaseModel):
    """A call, as `star87 explain --json` tells of it."""

    model_config = ConfigDict(extra="forbid")

    domain: str
    call_id: str
    caller_tag: str
    caller: str
    caller_name: str
    account: str
    kind: str
    state: str = Field(description="`ringing` or `waiting`")
    ringing: list[str] = Field(description="The extensions that it rings")
    waited_ms: int
    replaces: bool = Field(description="The caller's phone says that it replaces calls")
    early_dialogs: int
    claimed_by: str
    position: int | None = Field(description="In its queue, 1 is next")
    eligible: bool
    chosen: bool
    mode: str = Field(description="How it would be picked up: `replaces` or `reroute`")
    obstacle: str = Field(description="Why it is passed over")


class Explained(BaseModel):
    model_config = ConfigDict(extra="forbid")

    picker: str
    domain: str
    number: str = Field(description="That would be dialled after the code; empty: none")
    status: int = Field(description="What the phone would be answered; 200 when a call is chosen")
    reason: str
    warning: str
    candidates: list[Candidate]
    agents: list[dict[str, Any]]


class Entry(BaseModel):
    """An entry of the pickup record, as `star87 events --json` tells of it. Times in ms."""

    model_config = ConfigDict(extra="forbid")

    domain: str
    picker: str
    dialled: str
    outcome: str
    status: int
    mode: str = Field(description="`replaces` or `reroute`; empty: nothing was sent")
    by: str = Field(description="`console`, `replaces` (a lamp key), or empty: the code was dialled")
    account: str
    kind: str
    caller: str
    call_id: str
    tried: int = Field(description="How many calls it was sent after")
    waited_ms: int = Field(description="How long the call had been ringing")
    rang: list[str] = Field(description="The extensions that the call rang")
    took_ms: int = Field(description="From the wish to its outcome")
    at_ms: int = Field(description="Since 1970, by the state store's clock")
    id: str
    answered_by: str = Field(description="The extension that got the call; empty: none did by this")


class PickedUp(BaseModel):
    reason: str


class FaultShape(BaseModel):
    path: str
    message: str


class Checked(BaseModel):
    valid: bool
    faults: list[FaultShape]
    version: int | None = Field(None, description="Of the document that came into force")
    domains: int = 0
    accounts: int = 0
    trunks: int = 0
