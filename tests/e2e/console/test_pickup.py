"""Who sees which calls in the browser, and picks them up, with a real node and SIPp's phones."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.console.scene import AT_ONCE_MS, DOMAIN, OTHER, Scene, row
from tests.support.node import Node
from tests.support.sipp import Phone
from tests.support.until import until
from tests.support.web import Web


def test_given_a_call_when_an_attendant_presses_pick_up_then_her_phone_is_in_the_caller_s_call(
    scene: Scene, sign_in: Callable[..., Page], node: Node
) -> None:
    carol = scene.attendant_s_phone()
    page = sign_in("103")
    expect(page.locator("#link-text")).to_have_text("Live")
    expect(page.get_by_text("No call rings or waits.")).to_be_visible()

    alice = scene.rings()
    expect(row(page, "Alice")).to_be_visible(timeout=AT_ONCE_MS)
    expect(row(page, "Alice")).to_contain_text("Bob")
    expect(page.locator("#announce")).to_have_text("New call from Alice for Bob")
    page.get_by_role("button", name="Pick up: Alice for Bob").click()

    carol.await_says("answered")
    carol.finish()
    alice.finish()
    assert alice.said()[-1] == "answered"
    invite = next(message for message in carol.received() if message.startswith("INVITE"))
    assert '"Alice for Bob"' in invite
    expect(page.locator("#notice")).to_have_text("You have the call.")
    expect(row(page, "Alice")).to_have_count(0)
    expect(page.locator("#record li").first).to_contain_text("103 picked up 201 for Bob (101)")
    [event] = [event for event in node.events(DOMAIN) if event.outcome == "picked_up"]
    assert (event.by, event.mode, event.picker, event.account) == ("console", "reroute", "103", "101")


def test_given_a_call_that_waits_and_one_that_rings_a_group_when_looked_at_then_both_are_told(
    scene: Scene, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("103")
    scene.rings(dials="700", called="110")
    waits = scene.plays(Phone(scene.setting, "Oscar", "202"), "calls-and-gives-up.xml", dials="800")
    waits.await_says("waiting")

    expect(row(page, "Sales")).to_contain_text("rings")
    expect(row(page, "Support")).to_contain_text("waits, 1st in line")
    expect(page.locator("#summary")).to_have_text("1 ringing, 1 waiting")
    expect(page.locator('.watch li[data-number="800"] .busy')).to_have_text("1 call")
    age = row(page, "Sales").locator(".age")
    before = age.text_content()
    until(lambda: age.text_content() != before, what="the age to go on")


def test_given_a_user_who_may_only_see_when_a_call_rings_then_there_is_no_button_and_the_server_refuses_it_too(
    scene: Scene, sign_in: Callable[..., Page], node: Node
) -> None:
    erin = scene.attendant_s_phone("105")
    page = sign_in("105")
    scene.rings()
    expect(row(page, "Alice")).to_contain_text("You may see this only", timeout=2_000)
    assert page.get_by_role("button", name="Pick up").count() == 0

    # The same request that the button would send, with the page's own session and token.
    refused = page.evaluate(
        """async () => {
            const id = document.querySelector("#calls tbody tr").dataset.id;
            const token = document.querySelector('meta[name="csrf"]').content;
            const options = {method: "POST", headers: {"X-CSRF-Token": token}};
            const answer = await fetch(`/api/v1/calls/${id}/pickup`, options);
            return [answer.status, await answer.json()];
        }"""
    )
    assert (refused[0], refused[1]["reason"]) == (403, "Pickup Not Permitted")
    until(
        lambda: any(e.outcome == "not_permitted" and e.by == "console" for e in node.events(DOMAIN)), what="the record"
    )
    assert not [message for message in erin.received() if message.startswith("INVITE")]


def test_given_a_stranger_and_another_domain_when_a_call_rings_then_neither_sees_anything(
    scene: Scene, sign_in: Callable[..., Page], web: Web
) -> None:
    stranger, other = sign_in("112"), sign_in(f"101@{OTHER}")
    watching = sign_in("103")
    scene.rings()
    expect(row(watching, "Alice")).to_be_visible(timeout=2_000)
    for page in (stranger, other):
        expect(page.locator("#link-text")).to_have_text("Live")
        assert page.locator("#calls tbody tr").count() == 0
        assert "Alice" not in page.content()
        assert page.evaluate("fetch('/api/v1/calls').then((answer) => answer.json())")["calls"] == []
    assert "No account of pbx.example.com lets 112 monitor it" in stranger.content()
    for path in ("/", "/api/v1/calls", "/api/v1/events", "/api/v1/record", "/admin"):
        answer = httpx.get(web.url + path, trust_env=False)
        assert answer.status_code in (303, 401), path
        assert "Alice" not in answer.text


def test_given_a_wrong_password_when_signed_in_then_the_page_says_so_and_nobody_is_signed_in(
    sign_in: Callable[..., Page],
) -> None:
    page = sign_in("103", "guessed")
    expect(page.get_by_role("alert")).to_have_text("The number or the password is wrong.")
    assert page.context.cookies() == []


def test_given_a_signed_in_attendant_when_she_signs_out_then_the_session_is_over(sign_in: Callable[..., Page]) -> None:
    page = sign_in("103")
    expect(page.locator("#link-text")).to_have_text("Live")
    [cookie] = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Strict", False)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": page.url}])
    page.goto(page.url.replace("/sign-in", "/"))
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
