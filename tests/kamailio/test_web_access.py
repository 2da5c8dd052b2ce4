"""The HTTP API of `star87 web`, with a real node: who gets in, and what is the administrator's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kemi.pickup.console import Asked
from tests.support.certificate import make_certificate
from tests.support.node import Node
from tests.support.phone import PASSWORD
from tests.support.pickups import IMPATIENT, nothing_came, with_queue
from tests.support.tenants import Tenant
from tests.support.until import until
from tests.support.web import ADMIN_PASSWORD, Web
from tests.support.web_clients import API, client, pick_up, rings, session, the_call

ENVIRONMENT = IMPATIENT
CHANGE = with_queue


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
        {"Origin": "http://[::"},
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
    schemes = schema["components"]["securitySchemes"]
    assert {name: (one["type"], one.get("scheme", "")) for name, one in schemes.items()} == {
        "digest": ("http", "digest"),
        "basic": ("http", "basic"),
        "session": ("apiKey", ""),
    }
    for path, methods in schema["paths"].items():
        offered = [name for operation in methods.values() for one in operation["security"] for name in one]
        assert offered == ["digest", "basic", "session"] * len(methods), path
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


def test_given_a_console_with_watchers_when_stopped_then_it_ends_well_and_leaves_nothing(
    node: Node, tenant: Tenant, tmp_path: Path
) -> None:
    with Web(node, tmp_path / "web") as web, client(web, tenant).stream("GET", f"{API}/events") as events:
        assert next(events.iter_lines())
        assert web.stop() == 0
    assert list(web.folder.glob("star87-web-*")) == []
