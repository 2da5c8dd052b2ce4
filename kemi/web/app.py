"""The application: what is served, by which rules for every answer, and what runs beside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kemi.errors import NotProvisioned, StoreUnavailable
from kemi.web import admin_api, api, pages
from kemi.web.access import SAFE, is_foreign
from kemi.web.console import Console

HEADERS = {
    # Nothing from elsewhere, nothing inline, in nobody's frame.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
ABOUT = """Calls that ring and wait, and picking them up, for CTI clients.

An extension sends its own credentials with each request: HTTP Digest (RFC 7616), user `number`, its domain as realm; or
Basic (RFC 7617), user `number@domain` and its SIP password. The administrator is the user `admin` (realm `star87`). A
page that is signed in sends its session's cookie, and its `X-CSRF-Token` with whatever changes something. Refusals are
JSON with `reason` and `message`."""


def build(console: Console, started: Callable[[], None]) -> FastAPI:
    """started: called once requests are served."""

    @contextlib.asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        with contextlib.suppress(StoreUnavailable):
            await console.in_force.refresh()
        following = asyncio.create_task(console.in_force.follow())
        started()
        yield
        console.live.end()
        following.cancel()

    app = FastAPI(
        title="Star87",
        version=version("star87"),
        description=ABOUT,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.console = console
    app.include_router(api.router)
    app.include_router(admin_api.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    app.add_exception_handler(HTTPException, api.refused)
    app.add_exception_handler(StoreUnavailable, _away)
    app.add_exception_handler(NotProvisioned, _away)
    app.add_middleware(Guard)
    return app


class Guard:
    """Rules for every request and every answer (ASGI: a stream of events passes through untouched)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        added = dict(HEADERS)
        if request.url.scheme == "https":
            added["Strict-Transport-Security"] = "max-age=31536000"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(added)
                # A browser asks each time whether a file has changed; what is somebody's own stays nowhere.
                static = request.url.path.startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if static else "no-store")
            await send(message)

        if request.method not in SAFE and is_foreign(request):
            await _json(403, "Forbidden", "another site's page sent this")(scope, receive, answer)
        else:
            await self._app(scope, receive, answer)


async def _away(_request: Request, error: Exception) -> Response:
    if isinstance(error, NotProvisioned):
        return _json(503, "Not Provisioned", str(error))
    return _json(503, "Service Unavailable", "the state store does not answer; calls go on, pickups do not", 2)


def _json(status: int, reason: str, message: str, retry_after_s: int = 0) -> Response:
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s else None
    return JSONResponse({"reason": reason, "message": message}, status, headers)
