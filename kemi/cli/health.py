"""`/healthz`, `/readyz` and `/metrics`: what an orchestrator, a load balancer and Prometheus ask of `star87 run`.

Whatever a client does, one request takes REQUEST_WITHIN_S at most, there are CONNECTIONS_MOST of them, and the node is
looked at once for all who ask at the same time: no SIP worker ever serves HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

REQUEST_WITHIN_S = 3.0
REQUEST_BYTES_MOST = 8192
CONNECTIONS_MOST = 64
START_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and what was found in a few words."""

    name: str
    ok: bool
    reason: str
    needed: bool = True
    """Without it no call can be routed."""


class Page(Protocol):
    """What is answered to a request."""

    @property
    def http_status(self) -> HTTPStatus: ...
    @property
    def content_type(self) -> str: ...
    def body(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Health:
    """What the checks come to."""

    status: str
    checks: tuple[Check, ...]
    content_type: str = "application/json"

    @classmethod
    def of(cls, checks: Sequence[Check], good: str) -> Health:
        """good: what it is called when every check is well. It is `degraded` when only what is not needed fails."""
        if all(check.ok for check in checks):
            status = good
        elif all(check.ok for check in checks if check.needed):
            status = "degraded"
        else:
            status = f"not {good}"
        return cls(status, tuple(checks))

    @property
    def http_status(self) -> HTTPStatus:
        good = all(check.ok for check in self.checks if check.needed)
        return HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE

    def body(self) -> bytes:
        """JSON: `status`, and `checks`, each with `ok` and `reason`."""
        checks = {check.name: {"ok": check.ok, "reason": check.reason} for check in self.checks}
        return json.dumps({"status": self.status, "checks": checks}).encode() + b"\n"


Look = Callable[[], Page]


class HealthServer:
    """Serves pages, each the outcome of a look at the node, from a thread of its own."""

    def __init__(self, host: str, port: int, pages: dict[str, Look]) -> None:
        """pages: path → look, which may block, but not for long."""
        self._host, self._port, self._pages = host, port, pages
        self._looks: dict[str, asyncio.Future[Page]] = {}
        self._open = 0
        self._started = threading.Event()
        self._failure: OSError | None = None

    def start(self) -> None:
        """Raises OSError when the address cannot be bound."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="health", daemon=True)
        self._thread.start()
        self._started.wait(START_WITHIN_S)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(REQUEST_WITHIN_S)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await asyncio.start_server(self._answer, self._host, self._port, limit=REQUEST_BYTES_MOST)
        except OSError as error:
            self._failure = error
            return
        finally:
            self._started.set()
        async with server:
            await self._end.wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= CONNECTIONS_MOST:
                async with asyncio.timeout(REQUEST_WITHIN_S):
                    writer.write(await self._response(reader))
                    await writer.drain()
        except (TimeoutError, OSError):
            pass
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _response(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.partition(b"\r\n")[0].decode("ascii").split(" ")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            return _written(HTTPStatus.BAD_REQUEST, b"")
        look = self._pages.get(target.partition("?")[0])
        if look is None:
            return _written(HTTPStatus.NOT_FOUND, b"")
        if method not in ("GET", "HEAD"):
            return _written(HTTPStatus.METHOD_NOT_ALLOWED, b"", "Allow: GET, HEAD\r\n")
        page = await self._looked(target.partition("?")[0], look)
        return _written(page.http_status, page.body(), content_type=page.content_type, is_head=method == "HEAD")

    async def _looked(self, path: str, look: Look) -> Page:
        """One look for all who ask while it lasts."""
        looking = self._looks.get(path)
        if looking is None or looking.done():
            looking = self._looks[path] = self._loop.run_in_executor(None, look)
        # Who gives up must not take the look from the others.
        return await asyncio.shield(looking)


def _written(
    status: HTTPStatus, body: bytes, more: str = "", *, content_type: str = "text/plain", is_head: bool = False
) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\nConnection: close\r\n{more}\r\n"
    )
    return head.encode() + (b"" if is_head else body)
