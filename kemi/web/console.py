"""What the pages and the API share: one object for the life of the process."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from kemi.accounts.directory import Directory
from kemi.dialogs.record import CallRecord
from kemi.pickup.console import Asked, Told
from kemi.sip.aor import Aor
from kemi.web.access import Access, Visitor, refusal
from kemi.web.asking import Asking
from kemi.web.in_force import InForce
from kemi.web.live import Live
from kemi.web.sight import Sight

ANSWER_WITHIN_S = 1.9
ANSWER_POLL_S = 0.02

Explain = Callable[[Directory, Aor, str, Iterable[CallRecord], int], dict[str, Any]]
"""What a pickup by an extension would come to (`star87 explain --json`), with these calls ringing then (µs)."""


@dataclass(frozen=True, slots=True)
class Console:
    asking: Asking
    in_force: InForce
    live: Live
    access: Access
    explain: Explain

    def sight(self, visitor: Visitor) -> Sight:
        assert visitor.user is not None
        return Sight(self.in_force.directory, visitor.user)

    async def pick_up(self, viewer: Sight, call: CallRecord) -> Told:
        """Ask the node that holds the call. Raises StoreUnavailable."""
        asked = Asked(secrets.token_hex(12), call.domain, viewer.viewer.number, call.number, call.key)
        if not await self.asking(lambda store: store.mailbox.ask(call.node, asked)):
            return Told(503, "Node Is Busy", "the node that holds the call is asked too much; try again", 2)
        deadline = asyncio.get_running_loop().time() + ANSWER_WITHIN_S
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(ANSWER_POLL_S)
            told = await self.asking(lambda store: store.mailbox.told(asked.id))
            if told is not None:
                return told
        return Told(
            503,
            "Node Does Not Answer",
            "the node that holds the call is silent; it may have died, and the call with it",
            2,
        )


def console_of(request: Request) -> Console:
    console: Console = request.app.state.console
    return console


def _unknown(request: Request, *challenges: str) -> Exception:
    # To a page's own request the browser would show a window of its own.
    shown = () if "Sec-Fetch-Mode" in request.headers else challenges
    return refusal(401, "Not Signed In", "sign in, or send the credentials of an extension", *shown)


async def attendant(request: Request) -> Visitor:
    """Dependency: an extension. Raises HTTPException."""
    access = console_of(request).access
    visitor = access.visitor(request)
    if visitor is None:
        raise _unknown(request, *access.challenges(request))
    if visitor.user is None:
        raise refusal(403, "Forbidden", "this is for extensions")
    return visitor


async def administrator(request: Request) -> Visitor:
    """Dependency: the administrator. Raises HTTPException."""
    access = console_of(request).access
    if not access.has_admin:
        raise refusal(404, "Not Found", "there is no administrator's view: no password is set")
    visitor = access.visitor(request)
    if visitor is None:
        raise _unknown(request, *access.challenges(request))
    if visitor.user is not None:
        raise refusal(403, "Forbidden", "this is for the administrator")
    return visitor
