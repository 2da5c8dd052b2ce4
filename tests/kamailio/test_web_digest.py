"""HTTP Digest at the API of `star87 web`, by clients that others wrote: httpx, curl and the standard library's."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import httpx

from tests.support.node import Node
from tests.support.phone import PASSWORD
from tests.support.pickups import IMPATIENT, connect, ends_elsewhere, nothing_came
from tests.support.tenants import Tenant
from tests.support.until import until
from tests.support.web import ADMIN_PASSWORD, Web
from tests.support.web_clients import API, client, pick_up, rings, the_call

ENVIRONMENT = IMPATIENT
SECRET = "known to her phone alone"


def CHANGE(document: dict[str, Any]) -> None:  # noqa: N802
    """103 was provisioned by an HA1: nobody here knows her password."""
    carol = document["extensions"][2]
    assert carol["number"] == "103"
    del carol["password"]
    carol["ha1"] = _md5(f"103:{document['name']}:{SECRET}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def by_digest(web: Web, tenant: Tenant, password: str = SECRET, number: str = "103") -> httpx.Client:
    """A CTI client that names its domain and knows of Digest alone."""
    return web.client(auth=httpx.DigestAuth(number, password), params={"domain": tenant.domain})


def nonce_of(answer: httpx.Response) -> str:
    found = [re.search(r'nonce="([^"]+)"', one) for one in answer.headers.get_list("WWW-Authenticate")]
    return next(one[1] for one in found if one)


def header(
    tenant: Tenant, nonce: str, path: str, *, method: str = "GET", count: int = 1, secret: str = SECRET, **more: str
) -> dict[str, str]:
    """Credentials that were made by hand. more: parameters that are otherwise than those that the response is of."""
    nc, cnonce = f"{count:08x}", "abc"
    ha1, ha2 = _md5(f"103:{tenant.domain}:{secret}"), _md5(f"{method}:{path}")
    said = {"username": "103", "realm": tenant.domain, "nonce": nonce, "uri": path, "cnonce": cnonce}
    said["response"] = _md5(f"{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}")
    words = ", ".join(f'{name}="{value}"' for name, value in {**said, **more}.items())
    return {"Authorization": f"Digest {words}, nc={nc}, qop=auth"}


def challenged(web: Web, tenant: Tenant) -> tuple[httpx.Client, str, str]:
    """A client without credentials, a path, and the nonce that it was given there."""
    path = f"{API}/me?domain={tenant.domain}"
    at = web.client()
    return at, path, nonce_of(at.get(path))


def test_given_an_ha1_when_its_password_is_proved_by_digest_then_the_extension_sees_and_picks_up(
    web: Web, tenant: Tenant
) -> None:
    call, carol = rings(tenant), tenant.phone("103", register=True, password=SECRET)
    at = by_digest(web, tenant)
    assert at.get(f"{API}/me").json()["number"] == "103"
    answer = pick_up(at, the_call(at)["id"])
    assert (answer.status_code, answer.json()["reason"]) == (202, "Your Phone Rings")
    connect(call.outgoing, carol.rung())
    ends_elsewhere(call.inbound)
    with at.stream("GET", f"{API}/events") as events:
        assert next(events.iter_lines()) == "event: calls"
    assert [one["outcome"] for one in at.get(f"{API}/record").json()] == ["picked_up"]


def test_given_curl_and_the_standard_library_when_they_speak_digest_then_both_are_let_in(
    web: Web, tenant: Tenant
) -> None:
    url = f"{web.url}{API}/me?domain={tenant.domain}"
    command = ["curl", "--silent", "--fail", "--noproxy", "*", "--digest", "--user", f"103:{SECRET}", url]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout
    assert json.loads(said)["name"] == "Carol"

    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(tenant.domain, web.url, "103", SECRET)
    digest, no_proxy = urllib.request.HTTPDigestAuthHandler(passwords), urllib.request.ProxyHandler({})
    with urllib.request.build_opener(no_proxy, digest).open(url, timeout=20) as answer:
        assert json.load(answer)["name"] == "Carol"


def test_given_a_challenge_when_the_domain_is_not_known_then_basic_alone_is_offered_and_else_digest_first(
    web: Web, tenant: Tenant
) -> None:
    at = web.client()

    def offered(path: str, **more: Any) -> list[str]:
        answer = at.get(path, **more)
        assert answer.status_code == 401
        return [one.split(",")[0] for one in answer.headers.get_list("WWW-Authenticate")]

    digest, basic = f'Digest realm="{tenant.domain}"', 'Basic realm="star87"'
    assert offered(f"{API}/calls") == [basic]
    assert offered(f"{API}/calls?domain={tenant.domain}") == [digest, basic]
    assert offered(f"{API}/calls", headers={"Host": tenant.domain}) == [digest, basic]
    assert offered(f"{API}/admin/document?domain={tenant.domain}") == ['Digest realm="star87"', basic]
    # A page's own request brings up no window of the browser's.
    assert offered(f"{API}/calls?domain={tenant.domain}", headers={"Sec-Fetch-Mode": "cors"}) == []


def test_given_credentials_when_they_are_sent_again_then_they_are_stale_and_nothing_is_done_twice(
    web: Web, tenant: Tenant
) -> None:
    call, carol = rings(tenant), tenant.phone("103", register=True, password=SECRET)
    at, path, nonce = challenged(web, tenant)
    found = the_call(client(web, tenant, "102"))["id"]
    press = f"{API}/calls/{found}/pickup"
    overheard = header(tenant, nonce, press, method="POST")
    assert at.post(press, headers=overheard).status_code == 202
    carol.rung().answers(486)
    until(lambda: tenant.outcomes() == [("not_taken", 202)], what="the record")
    carol.hears()
    carol.inbox.clear()

    again = at.post(press, headers=overheard)
    assert (again.status_code, again.json()["reason"]) == (401, "Stale Nonce")
    assert "stale=true" in again.headers["WWW-Authenticate"]
    nothing_came(carol)
    # The next count of the same nonce is as good as a new nonce; an earlier one that was overtaken is, too.
    for count, status in ((5, 200), (4, 200), (4, 401), (5, 401), (1, 401), (6, 200)):
        assert at.get(path, headers=header(tenant, nonce, path, count=count)).status_code == status, count
    assert at.get(path, headers=header(tenant, nonce_of(again), path)).status_code == 200
    call.ends()


def test_given_a_nonce_that_is_none_of_this_process_when_the_password_is_right_then_it_is_stale_and_else_wrong(
    own_web: Web, tenant: Tenant
) -> None:
    at, path, nonce = challenged(own_web, tenant)
    for odd in ("made up", nonce[:-1], f"f{nonce}"):
        answer = at.get(path, headers=header(tenant, odd, path))
        assert (answer.status_code, "stale=true" in answer.headers["WWW-Authenticate"]) == (401, True)
    answer = at.get(path, headers=header(tenant, "made up", path, secret="guess"))
    assert answer.json()["reason"] == "Wrong Number Or Password"
    assert not [one for one in answer.headers.get_list("WWW-Authenticate") if "stale" in one]


def test_given_credentials_of_another_request_when_sent_then_they_are_good_for_nothing(
    own_web: Web, tenant: Tenant
) -> None:
    at, path, nonce = challenged(own_web, tenant)
    other = f"{API}/calls?domain={tenant.domain}"
    assert at.get(other, headers=header(tenant, nonce, path)).status_code == 400
    assert at.get(other, headers=header(tenant, nonce, path, uri=other)).status_code == 401
    assert at.get(path, headers=header(tenant, nonce, path, method="POST")).status_code == 401
    assert at.get(path, headers=header(tenant, nonce, path, realm="other.example.com")).status_code == 401
    assert at.get(path, headers=header(tenant, nonce, path, username="102")).status_code == 401
    assert at.get(path, headers={"Authorization": 'Digest username="103"'}).status_code == 400
    assert at.get(path, headers=header(tenant, nonce, path)).status_code == 200, "and none of that used it up"


def test_given_wrong_passwords_by_digest_and_basic_when_there_are_too_many_then_both_have_to_wait(
    own_web: Web, tenant: Tenant
) -> None:
    at, path, nonce = challenged(own_web, tenant)
    guesses = [at.get(path, headers=header(tenant, nonce, path, secret=f"guess{n}")) for n in range(3)]
    assert [one.status_code for one in guesses] == [401] * 3
    name = f"103@{tenant.domain}"
    assert [own_web.client(name, f"guess{n}").get(path).status_code for n in range(3)] == [401, 401, 429]
    for answer in (at.get(path, headers=header(tenant, nonce, path)), own_web.client(name, SECRET).get(path)):
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 15
    assert by_digest(own_web, tenant, PASSWORD, "102").get(f"{API}/me").status_code == 200, "others need not"


def test_given_the_administrator_when_he_proves_himself_by_digest_then_he_is_let_in_and_guesses_are_counted(
    own_web: Web,
) -> None:
    def by(user: str, password: str) -> int:
        return own_web.client(auth=httpx.DigestAuth(user, password)).get(f"{API}/admin/document").status_code

    assert by("admin", ADMIN_PASSWORD) == 200
    assert by("103", SECRET) == 401, "not of this realm"
    assert own_web.client(auth=httpx.DigestAuth("admin", ADMIN_PASSWORD)).get(f"{API}/me").status_code == 401
    assert [by("admin", f"guess{n}") for n in range(5)] == [401] * 5
    assert by("admin", ADMIN_PASSWORD) == 429
    assert own_web.client("admin", ADMIN_PASSWORD).get(f"{API}/admin/document").status_code == 429


def test_given_no_administrator_s_password_when_digest_is_tried_then_there_is_none(node: Node, tmp_path: Path) -> None:
    with Web(node, tmp_path / "web", has_admin=False) as web:
        for path in (f"{API}/me", f"{API}/admin/document"):
            said = {"username": "admin", "realm": "star87", "nonce": "n", "uri": path, "cnonce": "c"}
            # The HA1 of nobody's: neither an empty one nor that of an empty password.
            for ha1 in ("", "0" * 32, _md5("admin:star87:")):
                said["response"] = _md5(f"{ha1}:n:00000001:c:auth:{_md5(f'GET:{path}')}")
                words = ", ".join(f'{name}="{value}"' for name, value in said.items())
                header = {"Authorization": f"Digest {words}, nc=00000001, qop=auth"}
                answer = web.client().get(path, headers=header)
                assert (answer.status_code, answer.json()["reason"]) in (
                    (404, "Not Found"),
                    (401, "Wrong Number Or Password"),
                )


def test_given_an_extension_by_digest_when_it_asks_for_what_is_the_administrator_s_then_403(
    web: Web, tenant: Tenant
) -> None:
    at, path, nonce = challenged(web, tenant)
    path = f"{API}/admin/document"
    assert at.get(path, headers=header(tenant, nonce, path)).status_code == 403
