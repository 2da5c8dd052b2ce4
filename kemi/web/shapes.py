"""The shapes of the API, for OpenAPI."""

from __future__ import annotations

from pydantic import BaseModel, Field


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
