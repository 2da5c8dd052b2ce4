"""The shape of a provisioning document: which keys each entry has, and what each value must look like."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from kemi.accounts import formats, model
from kemi.accounts.faults import shown

_SETTINGS = model.DomainSettings()
_AGENT_GROUP = model.AgentGroup(number="", name="", agents=())


def _refuse(message: str) -> PydanticCustomError:
    return PydanticCustomError("remedy", "{message}", {"message": message})


def _text(fault_of: Callable[[str], str]) -> AfterValidator:
    def check(value: str) -> str:
        if message := fault_of(value):
            raise _refuse(message)
        return value

    return AfterValidator(check)


def _from_to(low: int, high: int) -> AfterValidator:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise _refuse(f"must be from {low} to {high}, not {shown(str(value))}")
        return value

    return AfterValidator(check)


def _some(values: list[Any]) -> list[Any]:
    if not values:
        raise _refuse("is empty; name at least one, or nobody can ever be rung")
    return values


Number = Annotated[str, _text(formats.number_fault)]
Pattern = Annotated[str, _text(formats.pattern_fault)]
Name = Annotated[str, _text(formats.name_fault)]
SipUri = Annotated[str, _text(formats.sip_uri_fault)]
Numbers = Annotated[list[Number], AfterValidator(_some)]
Seconds = Annotated[int, _from_to(1, 3600)]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NoAnswer(Entry):
    after_s: Seconds
    to: SipUri


class Busy(Entry):
    to: SipUri


class Account(Entry):
    number: Number
    name: Name | None = None
    monitored_by: list[Pattern] = []
    monitored_without_pickup: list[Pattern] = []


class Extension(Account):
    password: Annotated[str, Field(min_length=1)] | None = Field(default=None, repr=False)
    ha1: Annotated[str, _text(formats.ha1_fault)] | None = Field(default=None, repr=False)
    no_answer: NoAnswer | None = None
    busy: Busy | None = None


class Stage(Entry):
    members: Numbers
    ring_s: Seconds | None = None


class HuntGroup(Account):
    stages: Annotated[list[Stage], AfterValidator(_some)] | None = None
    members: Numbers | None = None
    no_answer: NoAnswer | None = None


class AgentGroup(Account):
    agents: Numbers
    strategy: Literal["longest_idle", "round_robin", "linear", "ring_all"] = "longest_idle"
    ring_s: Seconds = _AGENT_GROUP.ring_s
    wrap_up_s: Annotated[int, _from_to(0, 3600)] = _AGENT_GROUP.wrap_up_s
    max_wait_s: Annotated[int, _from_to(1, 86_400)] = _AGENT_GROUP.max_wait_s
    max_waiting: Annotated[int, _from_to(1, 10_000)] = _AGENT_GROUP.max_waiting
    overflow: SipUri | None = None


Code = Annotated[str, _text(formats.feature_code_fault)]


class Settings(Entry):
    pickup_code: Code = _SETTINGS.pickup_code
    # A document has words, and a strict model takes enumerations from Python only.
    pickup_mode: Annotated[model.PickupMode, Field(strict=False)] = _SETTINGS.pickup_mode
    require_hold: bool = _SETTINGS.require_hold
    completed_elsewhere: bool = _SETTINGS.completed_elsewhere
    directed_includes_group_calls: bool = _SETTINGS.directed_includes_group_calls
    hide_accounts: bool = _SETTINGS.hide_accounts
    agent_login_code: Code = _SETTINGS.agent_login_code
    agent_logout_code: Code = _SETTINGS.agent_logout_code

    @model_validator(mode="after")
    def _codes_differ(self) -> Settings:
        codes = (self.pickup_code, self.agent_login_code, self.agent_logout_code)
        for i, code in enumerate(codes):
            if any(other.startswith(code) for other in codes[:i] + codes[i + 1 :]):
                raise _refuse(f"{shown(code)} begins another code as well; let no code begin with another")
        return self


class Domain(Entry):
    name: Annotated[str, _text(formats.domain_fault)]
    settings: Settings = Settings()
    extensions: list[Extension] = []
    hunt_groups: list[HuntGroup] = []
    agent_groups: list[AgentGroup] = []


class Trunk(Entry):
    name: Name
    sources: list[Annotated[str, _text(formats.source_fault)]] = []
    destinations: list[SipUri] = []
    dids: dict[Annotated[str, _text(formats.did_fault)], Annotated[str, _text(formats.account_fault)]] = {}
    outbound_prefixes: list[Annotated[str, _text(formats.outbound_prefix_fault)]] = []


def _known_version(version: int) -> int:
    if version != 1:
        raise _refuse(f"must be 1, the only version there is, not {shown(str(version))}")
    return version


class Document(Entry):
    version: Annotated[int, AfterValidator(_known_version)]
    domains: list[Domain]
    trunks: list[Trunk] = []


_MODEL_BELOW: dict[int | str, type[Entry]] = {
    "domains": Domain,
    "settings": Settings,
    "extensions": Extension,
    "hunt_groups": HuntGroup,
    "agent_groups": AgentGroup,
    "stages": Stage,
    "no_answer": NoAnswer,
    "busy": Busy,
    "trunks": Trunk,
}


def keys_at(steps: tuple[int | str, ...]) -> Iterable[str]:
    """The keys known at a place of the document, for a message about one that is not."""
    names = [step for step in steps if isinstance(step, str)]
    return (_MODEL_BELOW[names[-1]] if names else Document).model_fields
