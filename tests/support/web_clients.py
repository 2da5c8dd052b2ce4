"""Who uses the console's API in tests, in one word each."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.support.phone import PASSWORD
from tests.support.talks import Ringing, ring
from tests.support.tenants import Tenant
from tests.support.until import until
from tests.support.web import Web

API = "/api/v1"


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


def session(web: Web, tenant: Tenant, number: str = "103") -> tuple[httpx.Client, str, httpx.Response]:
    """A browser that has signed in, its CSRF token, and what it was answered."""
    browser = web.client()
    answer = browser.post("/sign-in", data={"name": f"{number}@{tenant.domain}", "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    token = re.search(r'name="csrf" content="([^"]+)"', browser.get("/").text)
    assert token is not None
    return browser, token[1], answer
