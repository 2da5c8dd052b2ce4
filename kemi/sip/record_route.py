"""Record-Route: the way back to who sent a request, and this node's own part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kemi.sip.flow import Flow
from kemi.sip.headers import OWN_ROUTE
from kemi.sip.uri import hop_of

BOTH_SIDES = ";r2=on"
"""rr's mark of a Record-Route that the node wrote twice, for the two sockets that the dialog uses."""
_ROUTE = re.compile(r"<[^>]*>[^,]*")
_HOP = re.compile(r"sips?:(?P<hop>[^;>]*)(?:;transport=\w+)?", re.IGNORECASE)


def route_set(values: Iterable[str]) -> tuple[str, ...]:
    """The Route set towards who sent a request with this Record-Route set, which keeps its order (RFC 3261 §12.1.1)."""
    return tuple(value.strip() for value in values)


def routes_beyond(values: Iterable[str], came_from: tuple[str, int] = ("", 0)) -> tuple[str, ...]:
    """The hops between this node and who answered with this Record-Route set (RFC 3261 §12.1.2), the nearest first.

    values: of the answer, the hop nearest to the callee first. This node's own and those before it are left out.
    came_from: address and port of who sent the answer. If that is another node of the deployment, its marks are alike.
    """
    routes, own = _routes(values)
    # Nodes reach one another by UDP; what follows is another for each call, and hop_of remembers what it was asked.
    others = [index for index in own if hop_of(_uri(routes[index]).partition(";")[0])[:2] == came_from]
    own = [index for index in own if index > others[-1]] if others else own
    return tuple(route.strip() for route in reversed(routes[: own[0]])) if own else ()


def routes_before(values: Iterable[str]) -> tuple[str, ...]:
    """The hops between this node and the caller, the nearest first; see routes_beyond."""
    routes, own = _routes(values)
    return tuple(route.strip() for route in routes[own[-1] + 1 :]) if own else ()


def leaving_by(values: Iterable[str], flow: Flow) -> list[str] | None:
    """The Record-Route set of a request that leaves over this flow; None when it is right as it is.

    values: what the request has, top to bottom, this node's own first: one, or two when the caller's side has another
    socket than the other. Each end must find the node by the transport that it uses itself (RFC 3261 §16.6 step 4).
    """
    routes, own = _routes(values)
    if not own:
        return None
    callers = _uri(routes[own[-1]]).replace(BOTH_SIDES, "")
    leaves_at = _leaves_at(flow)
    if hop_of(_uri(routes[own[0]])) == hop_of(leaves_at):
        return None
    others = [route.strip() for index, route in enumerate(routes) if index not in own]
    if hop_of(callers) == hop_of(leaves_at):
        return [f"<{callers}>", *others]
    return [
        f"<{_HOP.sub(leaves_at + BOTH_SIDES, callers, count=1)}>",
        f"<{_HOP.sub(lambda found: found.group() + BOTH_SIDES, callers, count=1)}>",
        *others,
    ]


def split_routes(values: Iterable[str]) -> list[str]:
    """Every route of these lines, top to bottom."""
    return [route.strip() for value in values for route in _ROUTE.findall(value)]


def _routes(values: Iterable[str]) -> tuple[list[str], list[int]]:
    """Every route of these lines, top to bottom, and where this node's own stand among them."""
    routes = split_routes(values)
    return routes, [index for index, route in enumerate(routes) if f";{OWN_ROUTE}=" in _uri(route)]


def _uri(route: str) -> str:
    return route[1:].partition(">")[0]


def _leaves_at(flow: Flow) -> str:
    """URI of the listen socket, as rr writes it."""
    transport, _, place = flow.socket.partition(":")
    if flow.transport in ("ws", "wss"):
        transport = "ws"
    return f"sip:{place}" if transport == "udp" else f"sip:{place};transport={transport}"
