"""The HTTP API of `star87 web`, with a real node and real phones: who sees what, and who may do what."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any

import httpx

from kemi.web.live import BEAT_S
from tests.support.node import Node
from tests.support.phone import PASSWORD
from tests.support.pickups import IMPATIENT, connect, ends_elsewhere, nothing_came, with_queue
from tests.support.talks import talk
from tests.support.tenants import Tenant
from tests.support.until import until
from tests.support.web import Web
from tests.support.web_clients import API, calls, client, pick_up, rings, the_call

ENVIRONMENT = IMPATIENT
CHANGE = with_queue


# who sees what


def test_given_a_ringing_call_when_asked_for_then_it_is_told_with_who_may_pick_it_up(web: Web, tenant: Tenant) -> None:
    rings(tenant)
    call = the_call(client(web, tenant))
    account = {"number": "101", "name": "Reception", "kind": "extension"}
    assert {key: call["account"][key] for key in account} == account
    assert (call["account"]["monitored_by"], call["account"]["monitored_without_pickup"]) == (["10*"], ["105"])
    assert (call["caller_name"], call["caller"]) == ("Dave", f"104@{tenant.domain}")
    assert (call["state"], call["ringing"], call["can_pick_up"], call["obstacle"]) == ("ringing", ["101"], True, "")


def test_given_a_call_when_others_ask_then_each_sees_what_permission_lets_him_see(
    web: Web, tenant: Tenant, tenants: Any, node: Node
) -> None:
    elsewhere = tenants.take(node)
    rings(tenant)
    assert the_call(client(web, tenant))["can_pick_up"]
    erin = the_call(client(web, tenant, "105"))
    assert (erin["may_pick_up"], erin["can_pick_up"]) == (False, False)
    dave = the_call(client(web, tenant, "104"))
    assert (dave["may_pick_up"], dave["obstacle"]) == (True, "it is your own call")
    assert calls(client(web, elsewhere)) == [], "another tenant's never appear"

    def admit_nobody(document: dict[str, Any]) -> None:
        document["extensions"][0].update(monitored_by=[], monitored_without_pickup=[])

    tenant.change(admit_nobody)
    until(lambda: not calls(client(web, tenant)), what="the new document to be followed")
    assert client(web, tenant).get(f"{API}/accounts").json() != []


def test_given_accounts_when_asked_for_then_only_those_are_told_that_may_be_monitored(web: Web, tenant: Tenant) -> None:
    told = client(web, tenant).get(f"{API}/accounts").json()
    assert [(one["number"], one["may_pick_up"]) for one in told] == [
        *(("101", True), ("102", True), ("700", True), ("800", True)),
    ]
    assert [one["number"] for one in client(web, tenant, "105").get(f"{API}/accounts").json()] == ["101"]
    assert client(web, tenant).get(f"{API}/me").json() == {"number": "103", "domain": tenant.domain, "name": "Carol"}


def test_given_a_caller_who_waits_when_asked_for_then_his_position_is_told(web: Web, tenant: Tenant) -> None:
    talk(tenant.phone("105"), tenant.phone("102", register=True))
    tenant.phone("104").dials("800").expects(182)
    call = the_call(client(web, tenant))
    assert (call["state"], call["position"], call["ringing"]) == ("waiting", 1, [])


def test_given_calls_when_explained_then_it_is_what_the_code_would_do_among_those_that_may_be_seen(
    web: Web, tenant: Tenant
) -> None:
    call = rings(tenant)
    carol = client(web, tenant)
    the_call(carol)
    told = carol.get(f"{API}/explain", params={"number": "101"}).json()
    assert (told["status"], [one["chosen"] for one in told["candidates"]]) == (200, [True])
    assert carol.get(f"{API}/explain", params={"number": "104"}).json()["status"] == 403
    assert told["candidates"][0]["call_id"] == call.outgoing.call_id
    erin = client(web, tenant, "105").get(f"{API}/explain", params={"number": "101"}).json()
    assert [(one["call_id"], one["caller_tag"], one["eligible"]) for one in erin["candidates"]] == [("", "", False)]

    other = client(web, tenant, "102")
    tenant.phone("102", register=True)
    tenant.phone("105").dials("102")
    until(lambda: len(calls(carol)) == 2, what="the second call")
    assert len(other.get(f"{API}/explain").json()["candidates"]) == 1, "102's calls are none that 102 may see"


# picking up


def test_given_a_call_when_picked_up_by_the_api_then_the_phone_rings_and_is_connected_and_it_is_in_the_record(
    web: Web, tenant: Tenant
) -> None:
    call, carol = rings(tenant), tenant.phone("103", register=True)
    at = client(web, tenant)
    answer = pick_up(at, the_call(at)["id"])
    assert (answer.status_code, answer.json()) == (202, {"reason": "Your Phone Rings"})
    caller, _, _ = connect(call.outgoing, carol.rung())
    ends_elsewhere(call.inbound)
    caller.ends(carol)
    entries = until(lambda: at.get(f"{API}/record").json(), what="the record")
    assert [(one["outcome"], one["by"], one["picker"], one["status"]) for one in entries] == [
        ("picked_up", "console", "103", 202)
    ]
    assert [one["outcome"] for one in client(web, tenant, "105").get(f"{API}/record").json()] == ["picked_up"]
    assert client(web, tenant, "104").get(f"{API}/record").json() != [], "104 may monitor 101, too"
    until(lambda: not tenant.node.left_keys(tenant.domain), what="no key to be left")


def test_given_who_may_only_see_when_he_asks_then_403_is_counted_and_written_down(web: Web, tenant: Tenant) -> None:
    call, erin = rings(tenant), tenant.phone("105", register=True)
    at = client(web, tenant, "105")
    answer = pick_up(at, the_call(at)["id"])
    assert (answer.status_code, answer.json()["reason"]) == (403, "Pickup Not Permitted")
    until(lambda: tenant.outcomes() == [("not_permitted", 403)], what="the record")
    nothing_came(erin)
    call.ends()


def test_given_a_call_that_may_not_be_seen_when_asked_for_by_its_id_then_it_is_as_if_there_were_none(
    web: Web, tenant: Tenant, tenants: Any, node: Node
) -> None:
    elsewhere = tenants.take(node)
    rings(tenant)
    found = the_call(client(web, tenant))["id"]
    for at in (client(web, elsewhere), web.client(f"101@{elsewhere.domain}", PASSWORD)):
        answers = [pick_up(at, one) for one in (found, "nothing")]
        assert [one.status_code for one in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()
    assert tenant.outcomes() == []


def test_given_a_call_that_cannot_be_had_when_asked_for_then_the_status_says_why(web: Web, tenant: Tenant) -> None:
    call = rings(tenant)
    at, other = client(web, tenant), client(web, tenant, "102")
    found = the_call(at)["id"]
    answer = pick_up(at, found)
    assert (answer.status_code, answer.json()["reason"]) == (409, "Your Phone Is Not Registered")
    carol = tenant.phone("103", register=True)
    tenant.phone("102", register=True)
    assert pick_up(at, found).status_code == 202
    assert the_call(other)["obstacle"] == "103 is picking it up"
    answer = pick_up(other, found)
    assert (answer.status_code, answer.json()["reason"]) == (410, "Already Answered")
    connect(call.outgoing, carol.rung())


def test_given_a_node_that_is_gone_when_its_call_is_asked_for_then_503_and_the_call_can_be_had_by_others(
    web: Web, tenant: Tenant, node: Node
) -> None:
    """What a node does not fetch in time nobody waits for, and nothing was claimed."""
    rings(tenant)
    at = client(web, tenant)
    found = the_call(at)
    with node.in_the_name_of("gone", tenant.domain, found["id"]):
        answer = pick_up(at, found["id"])
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert the_call(at)["claimed_by"] == ""


# events


class Watcher(threading.Thread):
    """Reads the events of an extension."""

    def __init__(self, at: httpx.Client) -> None:
        super().__init__(daemon=True)
        self.at = at
        self.told: list[tuple[str, Any]] = []
        self.failed = ""
        self.start()

    def run(self) -> None:
        # The console may end before its watchers.
        with contextlib.suppress(httpx.HTTPError), self.at.stream("GET", f"{API}/events") as answer:
            self.failed = "" if answer.status_code == 200 else str(answer.status_code)
            name = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.told.append((name, json.loads(line.removeprefix("data: "))))

    def seen(self) -> list[list[str]]:
        """The accounts of the calls in each event."""
        return [[call["account"]["number"] for call in body["calls"]] for name, body in self.told if name == "calls"]


def test_given_a_watcher_when_a_call_comes_is_picked_up_and_ends_then_he_is_told_and_a_stranger_is_not(
    web: Web, tenant: Tenant, tenants: Any, node: Node
) -> None:
    carol_s, stranger = Watcher(client(web, tenant)), Watcher(client(web, tenants.take(node)))
    until(lambda: carol_s.seen() == [[]] and stranger.seen() == [[]], what="both to be heard")
    call, carol = rings(tenant), tenant.phone("103", register=True)
    # With no phone that rings yet, and then with one.
    until(lambda: carol_s.seen()[-1:] == [["101"]], what="the call")
    pick_up(client(web, tenant), the_call(client(web, tenant))["id"])
    connect(call.outgoing, carol.rung())
    until(lambda: carol_s.seen()[-1] == [], what="its end")
    entry = until(lambda: [body for name, body in carol_s.told if name == "record"], what="the entry")
    assert [(one["outcome"], one["picker"]) for one in entry] == [("picked_up", "103")]
    assert [name for name, _ in stranger.told if name != "beat"] == ["calls"]


def test_given_a_watcher_when_his_permission_is_withdrawn_then_the_call_is_off_his_list_at_once(
    web: Web, tenant: Tenant
) -> None:
    watcher = Watcher(client(web, tenant, "105"))
    rings(tenant)
    until(lambda: watcher.seen()[-1:] == [["101"]], what="the call")

    def admit_nobody(document: dict[str, Any]) -> None:
        document["extensions"][0].update(monitored_by=["102"], monitored_without_pickup=[])

    tenant.change(admit_nobody)

    def versions() -> list[int]:
        return [body["version"] for name, body in watcher.told if name == "calls"]

    # Long before the next beat.
    until(lambda: versions()[-1] > versions()[0], within_s=BEAT_S / 2, what="the new document's picture")
    assert watcher.seen()[-1] == []


def test_given_a_watcher_when_his_password_is_changed_then_his_stream_ends(web: Web, tenant: Tenant) -> None:
    watcher = Watcher(client(web, tenant))
    until(watcher.seen, what="him to be heard")

    def change(document: dict[str, Any]) -> None:
        document["extensions"][2]["password"] = "another"

    tenant.change(change)
    rings(tenant)
    watcher.join(20)
    assert not watcher.is_alive()
    assert client(web, tenant).get(f"{API}/calls").status_code == 401
