"""The HTTP API of `star87 web`, with a real node and real phones: who gets in, who sees what, and who may do what."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from kemi.pickup.console import Asked
from tests.support.certificate import make_certificate
from tests.support.node import Node
from tests.support.phone import PASSWORD
from tests.support.pickups import IMPATIENT, connect, ends_elsewhere, nothing_came, with_queue
from tests.support.talks import Ringing, ring, talk
from tests.support.tenants import Tenant
from tests.support.until import until
from tests.support.web import ADMIN_PASSWORD, Web

ENVIRONMENT = IMPATIENT
CHANGE = with_queue
API = "/api/v1"


@pytest.fixture(scope="module")
def web(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with Web(node, tmp_path_factory.mktemp("web")) as web:
        yield web


@pytest.fixture
def own_web(node: Node, tmp_path: Path) -> Iterator[Web]:
    """One whose counts of wrong passwords are this test's alone."""
    with Web(node, tmp_path / "web") as web:
        yield web


def client(web: Web, tenant: Tenant, number: str = "103") -> httpx.Client:
    return web.client(f"{number}@{tenant.domain}", PASSWORD)


def calls(of: httpx.Client) -> list[dict[str, Any]]:
    answer = of.get(f"{API}/calls")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["calls"]
    return found


def the_call(of: httpx.Client) -> dict[str, Any]:
    return until(lambda: calls(of), what="a call to be seen")[0]


def pick_up(of: httpx.Client, call: str, **headers: str) -> httpx.Response:
    return of.post(f"{API}/calls/{call}/pickup", headers=headers)


def rings(tenant: Tenant) -> Ringing:
    return ring(tenant.phone("104"), tenant.phone("101", register=True), supported="")


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
    rings(tenant)
    carol = client(web, tenant)
    the_call(carol)
    told = carol.get(f"{API}/explain", params={"number": "101"}).json()
    assert (told["status"], [one["chosen"] for one in told["candidates"]]) == (200, [True])
    assert carol.get(f"{API}/explain", params={"number": "104"}).json()["status"] == 403

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


# who gets in


@pytest.mark.parametrize("path", ["calls", "accounts", "me", "explain", "record", "events"])
def test_given_nobody_s_credentials_when_asked_then_401_and_no_more(path: str, web: Web) -> None:
    answer = web.client().get(f"{API}/{path}")
    assert (answer.status_code, answer.json()["reason"]) == (401, "Not Signed In")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("user", ["103", "103@elsewhere.example.com", "admin", "700", "", "103@", "zz\x00"])
def test_given_wrong_credentials_when_asked_then_401(user: str, own_web: Web, tenant: Tenant) -> None:
    name = f"{user}@{tenant.domain}" if user == "700" else user
    assert own_web.client(name or " ", PASSWORD).get(f"{API}/calls").status_code == 401


def test_given_wrong_passwords_when_there_are_too_many_then_the_right_one_has_to_wait_and_others_need_not(
    own_web: Web, tenant: Tenant
) -> None:
    name = f"103@{tenant.domain}"
    guesses = [own_web.client(name, f"guess{n}").get(f"{API}/me").status_code for n in range(6)]
    assert guesses == [401] * 5 + [429]
    answer = own_web.client(name, PASSWORD).get(f"{API}/me")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 15
    form = own_web.client().post("/sign-in", data={"name": name, "password": PASSWORD})
    assert (form.status_code, form.headers.get("set-cookie")) == (429, None)
    assert own_web.client(f"102@{tenant.domain}", PASSWORD).get(f"{API}/me").status_code == 200


def test_given_many_users_tried_from_one_source_when_past_the_bound_then_that_source_is_not_heard(
    node: Node, tenant: Tenant, tmp_path: Path
) -> None:
    with Web(node, tmp_path / "web", environment={"STAR87_SCAN_STRIKES": "20"}) as web:
        found = [web.client(f"{n}@{tenant.domain}", "x").get(f"{API}/me").status_code for n in range(300, 330)]
        assert found[:21] == [401] * 21
        assert set(found[21:]) == {429}
        assert "and is not heard for 60 s" in web.said()


def session(web: Web, tenant: Tenant, number: str = "103") -> tuple[httpx.Client, str, httpx.Response]:
    """A browser that has signed in, its CSRF token, and what it was answered."""
    browser = web.client()
    answer = browser.post("/sign-in", data={"name": f"{number}@{tenant.domain}", "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    token = re.search(r'name="csrf" content="([^"]+)"', browser.get("/").text)
    assert token is not None
    return browser, token[1], answer


def test_given_a_session_when_something_is_changed_then_it_needs_its_token_and_this_origin(
    web: Web, tenant: Tenant
) -> None:
    rings(tenant)
    browser, token, _ = session(web, tenant)
    other, others_token, _ = session(web, tenant)
    found = the_call(browser)["id"]
    assert pick_up(browser, found).status_code == 403
    assert pick_up(browser, found, **{"X-CSRF-Token": others_token}).status_code == 403
    for foreign in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert pick_up(browser, found, **{"X-CSRF-Token": token, **foreign}).status_code == 403, foreign
        form = web.client().post("/sign-in", data={"name": "a", "password": "b"}, headers=foreign)
        assert form.status_code == 403, foreign
    assert tenant.outcomes() == [], "nothing of this reached the node"
    assert pick_up(browser, found, **{"X-CSRF-Token": token, "Origin": web.url}).status_code == 409
    assert other.post("/sign-out").status_code == 403
    assert other.post("/sign-out", headers={"X-CSRF-Token": others_token}).status_code == 204
    assert other.get(f"{API}/me").status_code == 401


def test_given_a_session_when_its_cookie_is_looked_at_then_no_script_and_no_other_site_gets_it(
    web: Web, tenant: Tenant
) -> None:
    _, _, answer = session(web, tenant)
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie


def test_given_tls_when_signed_in_then_the_cookie_is_secure_and_of_this_host_alone(
    node: Node, tenant: Tenant, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    more = ("--certificate", str(certificate), "--private-key", str(key))
    with Web(node, tmp_path / "web", more=more) as web:
        assert web.url.startswith("https://")
        browser = web.client(verify=False)
        answer = browser.post("/sign-in", data={"name": f"103@{tenant.domain}", "password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-star87=")
        assert "Secure" in cookie
        assert browser.get(f"{API}/me").status_code == 200
        assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_given_every_page_when_answered_then_nothing_from_elsewhere_may_run_in_it(web: Web, tenant: Tenant) -> None:
    browser, _, _ = session(web, tenant)
    for path in ("/", "/sign-in", "/admin", "/api", "/nowhere", f"{API}/me", "/static/console.js", "/api/openapi.json"):
        answer = browser.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert "http" not in policy, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        if not path.startswith("/static"):
            assert answer.headers["Cache-Control"] == "no-store", path
        markup = answer.text if "html" in answer.headers.get("content-type", "") else ""
        assert not re.search(r"<script(?![^>]* src=\"/static/)|<style|\son\w+=|style=|src=\"http", markup), path


def test_given_names_that_look_like_markup_when_shown_then_they_are_text(web: Web, tenant: Tenant) -> None:
    def name_oddly(document: dict[str, Any]) -> None:
        document["extensions"][0]["name"] = '<script>alert("x")</script>'

    tenant.change(name_oddly)
    browser, _, _ = session(web, tenant)
    shown = until(lambda: [t for t in [browser.get("/").text] if "alert(" in t], what="the new name")[0]
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown


def test_given_the_api_when_described_then_openapi_names_every_operation(web: Web) -> None:
    schema = web.client().get("/api/openapi.json").json()
    assert {*schema["paths"]} == {
        *(f"{API}/{path}" for path in ("me", "accounts", "calls", "explain", "record", "events")),
        f"{API}/calls/{{call}}/pickup",
        *(f"{API}/admin/{path}" for path in ("accounts", "document", "check")),
    }
    assert "202" in schema["paths"][f"{API}/calls/{{call}}/pickup"]["post"]["responses"]
    assert "/calls/{call}/pickup" in web.client().get("/api").text


# the administrator


def test_given_no_administrator_s_password_when_asked_then_there_is_no_such_view(
    node: Node, tenant: Tenant, tmp_path: Path
) -> None:
    with Web(node, tmp_path / "web", has_admin=False) as web:
        for password in ("", "admin", "None"):
            assert web.client("admin", password).get(f"{API}/admin/document").status_code in (401, 404)
        assert web.client().get("/admin").status_code == 404
        assert web.client().get(f"{API}/admin/accounts", params={"domain": tenant.domain}).status_code == 404


def test_given_an_extension_when_it_asks_for_what_is_the_administrator_s_then_403_and_the_other_way_round(
    web: Web, tenant: Tenant
) -> None:
    carol, admin = client(web, tenant), web.client("admin", ADMIN_PASSWORD)
    assert carol.get(f"{API}/admin/document").status_code == 403
    assert carol.put(f"{API}/admin/document", content="version: 1").status_code == 403
    assert admin.get(f"{API}/calls").status_code == 403
    assert web.client("admin", "guess").get(f"{API}/admin/document").status_code == 401


def test_given_the_document_when_read_changed_and_applied_then_it_is_in_force_and_no_secret_was_shown(
    node: Node, tmp_path: Path, tenants: Any
) -> None:
    with Node(tmp_path / "own", tenants.document()) as own, Web(own, tmp_path / "own-web") as web:
        tenant = tenants.take(node)
        admin = web.client("admin", ADMIN_PASSWORD)
        answer = admin.get(f"{API}/admin/document")
        version = answer.headers["ETag"]
        assert "ha1: (kept)" in answer.text
        assert not re.search(r"[0-9a-f]{32}", answer.text)
        document = yaml.safe_load(answer.text)
        mine = next(one for one in document["domains"] if one["name"] == tenant.domain)
        mine["extensions"][0]["monitored_by"] = ["109"]

        checked = admin.post(f"{API}/admin/check", content="version: 1\ndomains: [{name: 7}]").json()
        assert (checked["valid"], checked["version"]) == (False, None)
        assert "domains[0].name" in [fault["path"] for fault in checked["faults"]]

        mine["extensions"].append({"number": "120", "name": "New", "ha1": "(kept)"})
        refused = admin.put(f"{API}/admin/document", content=yaml.safe_dump(document))
        assert refused.status_code == 422
        assert "nothing is kept of a new extension" in [fault["message"] for fault in refused.json()["faults"]]

        mine["extensions"][-1] = {"number": "109", "name": "New", "password": "secret-of-109"}
        text = yaml.safe_dump(document)
        stale = admin.put(f"{API}/admin/document", content=text, headers={"If-Match": '"7"'})
        assert (stale.status_code, stale.json()["reason"]) == (412, "Precondition Failed")
        applied = admin.put(f"{API}/admin/document", content=text, headers={"If-Match": version})
        assert (applied.status_code, applied.json()["version"]) == (200, 2)

        of = admin.get(f"{API}/admin/accounts", params={"domain": tenant.domain}).json()
        assert [one["monitored_by"] for one in of if one["number"] == "101"] == [["109"]]
        assert [
            one["number"] for one in web.client(f"109@{tenant.domain}", "secret-of-109").get(f"{API}/accounts").json()
        ]
        assert client(web, tenant).get(f"{API}/me").status_code == 200, "kept passwords are good ones still"
        until(lambda: "provisioning version 2 is in force" in own.log(), what="the node to follow")
        assert not any(word in web.said() for word in (PASSWORD, ADMIN_PASSWORD, "secret-of-109"))


def test_given_wrong_options_when_started_then_one_line_says_so(node: Node, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("1234")
    for more, environment, said in (
        (("--listen", "nowhere"), {}, "an address and a port are needed"),
        (("--certificate", "x"), {}, "--certificate and --private-key go together"),
        ((), {"STAR87_WEB_ADMIN_PASSWORD_FILE": str(tmp_path / "none")}, "cannot be read"),
        ((), {"STAR87_WEB_ADMIN_PASSWORD_FILE": str(short)}, "8 characters at least"),
    ):
        with (
            pytest.raises(AssertionError, match=said),
            Web(node, tmp_path, has_admin=False, more=more, environment=environment),
        ):
            pass


def test_given_what_consoles_ask_when_it_is_no_request_of_ours_then_the_node_goes_on(
    tenant: Tenant, node: Node
) -> None:
    """The mailbox is the store's: whoever may write there may do as much elsewhere; but nothing there breaks a node."""
    call, carol = rings(tenant), tenant.phone("103", register=True)
    for odd in (Asked("a\r\nb: c", tenant.domain, "103\r\n", "101", "k"), Asked("é", "nowhere", "x", "", "")):
        assert node.asks_for(odd).status in (403, 503)
    nothing_came(carol)
    call.ends()
