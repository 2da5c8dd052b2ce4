"""The HTTP API for extensions: what rings, what a pickup would do, picking up, and all of it as it happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from kemi.web.access import Refusal, Visitor, refusal
from kemi.web.console import Console, attendant, console_of
from kemi.web.live import Domain
from kemi.web.schemes import OFFERED
from kemi.web.shapes import AccountShape, CallsShape, Entry, Explained, Me, PickedUp, Refused

Caller = Annotated[Visitor, Depends(attendant)]
REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"model": Refused, "description": "Not signed in, or wrong credentials"},
    429: {"model": Refused, "description": "Too many wrong passwords; see Retry-After"},
    503: {"model": Refused, "description": "The state store, or the node that holds the call, does not answer"},
}
HTTP_STATUS = {480: 409, 486: 409}
"""Of answers that HTTP does not know, or means something else by: the call, or the phone, is not in a state for it."""

router = APIRouter(prefix="/api/v1", tags=["attendant"], responses=REFUSED, dependencies=OFFERED)


@router.get("/me")
async def me(request: Request, visitor: Caller) -> Me:
    """Who is asking."""
    assert visitor.user is not None
    account = console_of(request).in_force.directory.account(visitor.user.domain, visitor.user.number)
    return Me(number=visitor.user.number, domain=visitor.user.domain, name=account.name if account else "")


@router.get("/accounts")
async def accounts(request: Request, visitor: Caller) -> list[AccountShape]:
    """The accounts that this extension may monitor, and who may pick up from each."""
    return [AccountShape(**account) for account in console_of(request).sight(visitor).accounts()]


@router.get("/calls")
async def calls(request: Request, visitor: Caller) -> CallsShape:
    """The calls that ring and wait for accounts that this extension may monitor, oldest first."""
    console, sight = console_of(request), console_of(request).sight(visitor)
    survey = await console.live.survey(sight.viewer.domain)
    return CallsShape(now_ms=survey.now_us // 1000, calls=sight.calls(survey.calls))


@router.get("/explain")
async def explain(
    request: Request, visitor: Caller, number: Annotated[str, Query(max_length=64, description="Empty: general.")] = ""
) -> Explained:
    """What the pickup code, with or without a number, would do now, call by call; of calls that may be seen. Call-ID
    and tag are empty where one may see only."""
    console, sight = console_of(request), console_of(request).sight(visitor)
    survey = await console.live.survey(sight.viewer.domain)
    told = console.explain(sight.directory, sight.viewer, number, sight.visible(survey.calls), survey.now_us)
    return Explained(**sight.explained(told))


@router.post(
    "/calls/{call}/pickup",
    status_code=202,
    responses={
        403: {"model": Refused, "description": "No permission to pick up from the account, or refused too often"},
        404: {"model": Refused, "description": "No such call, or none that may be seen"},
        409: {"model": Refused, "description": "The call cannot be had now, no phone is registered, or put it on hold"},
        410: {"model": Refused, "description": "It was answered, or another picker was faster"},
    },
)
async def pick_up(
    request: Request, visitor: Caller, call: Annotated[str, Path(max_length=64, description="Its id")]
) -> PickedUp:
    """Ring the phones that this extension has registered, and connect the one that answers first to the call.

    202: they ring. What comes of it is an entry of the record (`by` is `console`), and comes as an event.
    """
    console, sight = console_of(request), console_of(request).sight(visitor)
    survey = await console.live.survey(sight.viewer.domain)
    found = next((one for one in sight.visible(survey.calls) if one.key == call), None)
    if found is None:
        raise refusal(404, "No Such Call", "it has ended, or was never yours to see")
    told = await console.pick_up(sight, found)
    if told.status != 202:
        headers = {"Retry-After": str(told.retry_after_s)} if told.retry_after_s else {}
        raise refusal(HTTP_STATUS.get(told.status, told.status), told.reason, told.warning, **headers)
    return PickedUp(reason=told.reason)


@router.get("/record")
async def record(request: Request, visitor: Caller, count: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Entry]:
    """The newest entries of the pickup record, oldest first: what this extension did, and what was done for accounts
    that it may monitor. `count` is how many are looked at, of all of the domain. The Call-ID is empty where one may see
    only."""
    console, sight = console_of(request), console_of(request).sight(visitor)
    domain = sight.viewer.domain
    entries = await console.asking(lambda store: store.events.latest(domain, count=count))
    return [Entry(**entry) for entry in sight.record(entries)]


@router.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(request: Request, visitor: Caller) -> StreamingResponse:
    """Server-sent events. `calls`: all calls that may be seen, as `/calls` has them, with `store` `ok` or `away` and
    the `version` of the document in force, each time that something has changed. `record`: a new entry. `beat`: when
    there is nothing else, every ten seconds."""
    stream = _stream(console_of(request), visitor)
    return StreamingResponse(
        stream, media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


async def _stream(console: Console, visitor: Visitor) -> AsyncIterator[str]:
    assert visitor.user is not None
    said: dict[str, Any] = {}
    heard: int | None = None
    async for seen in console.live.watch(visitor.user.domain):
        if not console.access.is_still(visitor):
            return
        heard = seen.count if heard is None else heard
        shown = _shown(console, visitor, seen)
        entries = console.sight(visitor).record(seen.since(heard))
        heard = seen.count
        for entry in entries:
            yield _event("record", entry)
        if shown != said:
            said = shown
            yield _event("calls", {**shown, "now_ms": seen.now_ms})
        elif not entries:
            yield _event("beat", {})


def _shown(console: Console, visitor: Visitor, seen: Domain) -> dict[str, Any]:
    sight = console.sight(visitor)
    store = "away" if seen.is_away else "ok"
    return {"store": store, "version": sight.directory.version, "calls": sight.calls(seen.calls)}


def _event(name: str, body: dict[str, Any]) -> str:
    # json.dumps writes ASCII on one line: nothing of a caller's can begin another event.
    return f"event: {name}\ndata: {json.dumps(body)}\n\n"


async def refused(_request: Request, error: Exception) -> JSONResponse:
    """Every refusal of the API in one shape (Refused)."""
    assert isinstance(error, HTTPException)
    detail = error.detail if isinstance(error.detail, dict) else {"reason": str(error.detail), "message": ""}
    answer = JSONResponse(detail, error.status_code, error.headers)
    for challenge in error.challenges if isinstance(error, Refusal) else ():
        answer.headers.append("WWW-Authenticate", challenge)
    return answer
