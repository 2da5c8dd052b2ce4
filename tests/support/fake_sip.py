"""Small doubles of the protocols in kemi/sip/ports.py and of what stands behind them: strict, and recording.

scene = FakeScene(invite(dials="101"))
calls = Calls(scene.directory, scene.message, scene.transaction, scene.location, …)
scene.reply(180, to_tag="b1", branch=0)      # go on to a reply callback
scene.failure(486)                           # go on to a failure callback
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from kemi.dialogs.late_answers import LateAnswers
from kemi.sip.flow import Flow
from tests.support.fake_spiral import FakeMarks, FakeSpiral
from tests.support.fake_transaction import FakeLocation, FakeTransaction

DOMAIN = "pbx.example.com"
FLOW = Flow("udp", "192.0.2.4", 5070, "udp:192.0.2.1:5060")
CALLEE_FLOW = Flow("udp", "192.0.2.9", 5090, "udp:192.0.2.1:5060")
CALLEE_CONTACT = "sip:callee@192.0.2.9:5090"


@dataclass
class FakeMessage:
    """A message; `headers` are what was received, `appended` and `removed` what was changed of it."""

    method: str = "INVITE"
    status: int = 0
    ruri_user: str = "101"
    ruri_host: str = DOMAIN
    ruri_is_here: bool = False
    is_own: bool = False
    from_user: str = "104"
    from_host: str = DOMAIN
    from_display: str = "Dave"
    from_tag: str = "caller-tag"
    to_user: str = "101"
    to_host: str = DOMAIN
    to_tag: str = ""
    call_id: str = "call-1"
    cseq: str = "1"
    contact_uri: str = "sip:104@192.0.2.4:5070"
    body: str = ""
    flow: Flow = FLOW
    fingerprint: str = "fingerprint"
    headers: list[tuple[str, str]] = field(default_factory=list)
    appended: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept_connection: int = 0
    """How often its connection was to stay."""
    kept_flow: int = 0
    """How often it was asked to keep its flow."""
    is_nearest: bool = False
    """Its sender was taken for the next hop then, whatever its Via says."""

    @property
    def source(self) -> tuple[str, int]:
        return self.flow.ip, self.flow.port

    def keep_connection(self) -> None:
        self.kept_connection += 1

    def keep_flow(self, *, nearest: bool = False) -> None:
        self.kept_flow += 1
        self.is_nearest = nearest

    def header(self, name: str) -> str:
        return next(iter(self.header_values(name)), "")

    def header_values(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.headers if key.lower() == name.lower())

    def has_header(self, name: str) -> bool:
        return bool(self.header_values(name))

    def remove_header(self, name: str) -> None:
        self.removed.append(name)

    def append_header(self, line: str) -> None:
        assert ":" in line, f"not a header line: {line!r}"
        assert not {"\r", "\n"} & set(line), f"not one header line: {line!r}"
        self.appended.append(line)


def invite(dials: str = "101", **fields: object) -> FakeMessage:
    """An initial INVITE of extension 104 with Supported: replaces, unless the fields say otherwise."""
    headers = fields.pop("headers", [("Supported", "replaces")])
    return FakeMessage(ruri_user=dials, to_user=dials, headers=list(headers), **fields)  # type: ignore[call-overload, arg-type]


class FakeProxy:
    """Implements kemi.routing.requests.Proxy, initial.Entry and in_dialog.Router; `did` tells in which order."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.hops_left = True
        self.sane = True
        self.retransmission = False
        self.route_leads_here = True
        self.route_tenant = ""
        """What the Route says that this node wrote into its Record-Route."""
        self.record_route_tenant = ""
        """What this node wrote into the Record-Route of a request that was here before."""
        self.named_by: list[str] = []
        """Callers whose calls' names were noted."""
        self.name_is_anothers = False
        self.recorded: list[str] = []
        self.recorded_as_edge: list[bool] = []
        self.route_is_edge = self.route_leads_to_peer = False
        """The tenant of each Record-Route."""

    def has_hops_left(self) -> bool:
        self.did.append("hops")
        return self.hops_left

    def is_sane(self) -> bool:
        self.did.append("sanity")
        return self.sane

    def is_retransmission(self) -> bool:
        self.did.append("retransmission")
        return self.retransmission

    def answer_to_source(self) -> None:
        self.did.append("answer_to_source")

    def follow_route(self) -> bool:
        self.did.append("follow_route")
        return self.route_leads_here

    def has_name_of_own(self, caller: str) -> bool:
        self.named_by.append(caller)
        return not self.name_is_anothers

    def leads_to_peer(self) -> bool:
        return self.route_leads_to_peer

    def is_edge(self) -> bool:
        return self.route_is_edge

    def record_route(self, tenant: str, *, edge: bool = False) -> None:
        self.did.append("record_route")
        self.recorded.append(tenant)
        self.recorded_as_edge.append(edge)

    def tenant_of_route(self) -> str:
        return self.route_tenant

    def tenant_of_record_route(self) -> str:
        return self.record_route_tenant

    def apply_changes(self) -> None:
        self.did.append("apply_changes")


class FakeGateways:
    """Implements kemi.routing.trunks.Gateways: these destinations in their order, without those in `down`."""

    def __init__(self, *destinations: str) -> None:
        self.destinations = destinations
        self.asked: list[int] = []
        """The set of each `first`."""
        self.down: list[str] = []
        self._left: Iterator[str] = iter(())
        self._given = ""

    def first(self, set_id: int) -> str:
        assert set_id > 0
        self.asked.append(set_id)
        self._left = iter([uri for uri in self.destinations if uri not in self.down])
        return self.next()

    def next(self) -> str:
        assert self.asked, "there is no next without a first"
        self._given = next(self._left, "")
        return self._given

    def mark_down(self) -> None:
        assert self._given, "no destination is given that could be down"
        self.down.append(self._given)


class FakeScene:
    """The message at hand with its transaction, from the request to the callbacks that follow it."""

    def __init__(self, request: FakeMessage, *, registered: Sequence[str] = ()) -> None:
        self.request = request
        self.at_hand = request
        self.location = FakeLocation(f"{number}@{DOMAIN}" for number in registered)
        self.transaction = FakeTransaction(self.location)
        if request.method == "CANCEL":
            self.transaction.cancels = request.call_id
        self.proxy = FakeProxy()
        self.spiral, self.marks = FakeSpiral(self.transaction), FakeMarks()
        self.late_answers = LateAnswers(self.message, self.marks, self.spiral)

    def message(self) -> FakeMessage:
        return self.at_hand

    def reply(
        self,
        status: int,
        *,
        to_tag: str = "",
        branch: int = 0,
        body: str = "",
        routes: Sequence[str] = (),
    ) -> FakeMessage:
        """Go on to the callback of a reply of the called phone. routes: lines of Record-Route."""
        request = self.request
        self.transaction.branch = branch
        self.at_hand = replace(
            request,
            status=status,
            to_tag=to_tag,
            body=body,
            flow=CALLEE_FLOW,
            contact_uri=CALLEE_CONTACT,
            headers=[
                ("From", f"<sip:{request.from_user}@{request.from_host}>;tag={request.from_tag}"),
                ("To", f"<sip:{request.to_user}@{request.to_host}>;tag={to_tag}"),
                *(("Record-Route", route) for route in routes),
            ],
            appended=[],
            removed=[],
            kept_flow=0,
        )
        return self.at_hand

    def failure(
        self, status: int, *, cancelled: bool = False, unanswered: bool = False, headers: dict[str, str] | None = None
    ) -> None:
        """Go on to the failure callback. headers: of the final answer."""
        self.at_hand = self.request
        self.transaction.final_status = status
        self.transaction.final_headers = dict(headers or {})
        self.transaction.is_cancelled = cancelled
        self.transaction.is_unanswered = unanswered

    def branch_out(self) -> FakeMessage:
        """Go on to a branch callback; its header changes are that branch's own."""
        self.at_hand = replace(self.request, appended=[], removed=list(self.request.removed))
        return self.at_hand
