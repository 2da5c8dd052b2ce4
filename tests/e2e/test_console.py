"""The attendant's console in a real browser, with a real node and SIPp's phones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.support.node import Node
from tests.support.redis_server import RedisServer
from tests.support.sipp import PASSWORD, PHONES, SCENARIOS, Phone, Setting, SippRun
from tests.support.until import until
from tests.support.web import ADMIN_PASSWORD, Web

CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).parents[1] / "support" / "axe" / "axe.min.js"
DOMAIN, OTHER = "pbx.example.com", "other.example.com"
DOCUMENT = (SCENARIOS / "provision.yaml").read_text()
SIZES = {"desk": (1280, 800), "phone": (360, 740)}
WITHIN_MS = 10_000
AT_ONCE_MS = 1_000
"""Within a second a call is on the page."""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
    yield browser
    browser.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node(tmp_path / "node", DOCUMENT) as node:
        yield node


@pytest.fixture
def web(node: Node, tmp_path: Path) -> Iterator[Web]:
    with Web(node, tmp_path / "web") as web:
        yield web


@pytest.fixture
def setting(node: Node, evidence: Path) -> Setting:
    return Setting(node.address, DOMAIN, "%u-%p-console@star87", evidence)


@pytest.fixture
def sign_in(browser: Browser, web: Web, evidence: Path) -> Iterator[Callable[..., Page]]:
    """Sign in as an extension, in a browser of its own; what the page complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def sign_in(name: str, password: str = PASSWORD, at: Web = web, **more: Any) -> Page:
        width, height = SIZES[more.pop("size", "desk")]
        context = browser.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        context.set_default_timeout(WITHIN_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None
        )
        # The page loads nothing from elsewhere.
        page.on("request", lambda asked: None if asked.url.startswith(at.url) else complaints.append(asked.url))
        page.goto(at.url)
        page.get_by_label("Extension").fill(name if "@" in name or name == "admin" else f"{name}@{DOMAIN}")
        page.get_by_label("Password of your phone").fill(password)
        page.get_by_role("button", name="Sign in").click()
        return page

    yield sign_in
    for number, context in enumerate(contexts):
        for page in context.pages:
            page.screenshot(path=str(evidence / f"page-{number}.png"))
        context.close()
    assert complaints == []


class Scene:
    """Alice's call for Bob rings, and is answered by the picker when her phone does."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.runs: list[SippRun] = []

    def rings(self, dials: str = "101", called: str = "101", caller: str = "201", name: str = "Alice") -> SippRun:
        bob = Phone(self.setting, f"phone-{called}", called)
        bob.register()
        self.plays(bob, "rings-until-stopped.xml").await_bound()
        alice = Phone(self.setting, name, caller)
        keys = {"picker": "10", "agent": "SIPp"}
        calling = self.plays(alice, "calls-and-is-answered-by-a-picker.xml", dials=dials, keys=keys)
        calling.await_says("ringing")
        return calling

    def attendant_s_phone(self, number: str = "103") -> SippRun:
        phone = Phone(self.setting, f"attendant-{number}", number)
        phone.register()
        run = self.plays(phone, "answers.xml")
        run.await_bound()
        return run

    def plays(self, phone: Phone, scenario: str, **more: Any) -> SippRun:
        run = phone.play(PHONES / scenario, **more)
        self.runs.append(run)
        return run

    def end(self) -> None:
        for run in self.runs:
            run.stop()


@pytest.fixture
def scene(setting: Setting) -> Iterator[Scene]:
    scene = Scene(setting)
    yield scene
    scene.end()


def row(page: Page, words: str) -> Any:
    return page.locator("#calls tbody tr").filter(has_text=words)


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


def test_given_the_keyboard_alone_when_a_call_is_picked_up_then_focus_stays_where_one_can_go_on(
    scene: Scene, sign_in: Callable[..., Page]
) -> None:
    carol = scene.attendant_s_phone()
    page = sign_in("103")
    scene.rings()
    expect(row(page, "Alice")).to_be_visible(timeout=2_000)
    button = page.get_by_role("button", name="Pick up: Alice for Bob")
    for _ in range(8):
        page.keyboard.press("Tab")
        if button.evaluate("(element) => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    carol.await_says("answered")
    expect(row(page, "Alice")).to_have_count(0)
    expect(page.locator("#calls-title")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_given_every_page_when_looked_at_by_axe_then_it_finds_nothing_and_nothing_is_wider_than_the_screen(
    size: str, scheme: str, scene: Scene, sign_in: Callable[..., Page]
) -> None:
    scene.rings()
    scene.rings(dials="110", called="110", caller="202", name="A caller with a name that is rather long for a phone")
    page = sign_in("103", size=size, color_scheme=scheme)
    expect(page.locator("#calls tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Pick up").first.click()
    # Nobody's phone is registered: the notice is a bad one.
    expect(page.locator("#notice")).to_contain_text("Your Phone Is Not Registered")
    pages = {"console": page, "sign-in": sign_in("103", "wrong", size=size, color_scheme=scheme)}
    pages["admin"] = sign_in("admin", ADMIN_PASSWORD, size=size, color_scheme=scheme)
    expect(pages["admin"].get_by_role("heading", name="Who may pick up from whom")).to_be_visible()
    pages["admin"].get_by_label("The document, in YAML").fill("version: 2")
    pages["admin"].get_by_role("button", name="Check").click()
    expect(pages["admin"].locator("#result")).to_contain_text("nothing was changed")
    found = {}
    for name, shown in pages.items():
        # As a tester's tool would: past the page's own policy.
        shown.evaluate(AXE.read_text() + ";undefined")
        run = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        violations = shown.evaluate(run)["violations"]
        found[name] = [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in violations]
        assert shown.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], name
    assert found == {name: [] for name in pages}, json.dumps(found, indent=1)


def test_given_a_reader_who_wants_no_motion_when_a_call_comes_then_nothing_moves(
    scene: Scene, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("103", reduced_motion="reduce")
    expect(page.locator("#link-text")).to_have_text("Live")
    scene.rings()
    expect(row(page, "Alice")).to_be_visible(timeout=2_000)
    assert page.evaluate("document.getAnimations().length") == 0


def test_given_an_administrator_when_a_document_is_changed_then_faults_are_named_and_a_good_one_is_in_force(
    tmp_path: Path, sign_in: Callable[..., Page]
) -> None:
    with Node(tmp_path / "own", DOCUMENT) as node, Web(node, tmp_path / "own-web") as web:
        page = sign_in("admin", ADMIN_PASSWORD, at=web)
        page.get_by_label("Domain").select_option(DOMAIN)
        page.get_by_role("button", name="Show").click()
        bob = page.locator(".matrix tbody tr").filter(has_text="Bob")
        picks = bob.get_by_text("may pick up")
        before = picks.count()
        text = page.get_by_label("The document, in YAML")
        document = text.input_value()
        assert "ha1: (kept)" in document

        text.fill(document.replace("- '110'", "- '911'", 1))
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("#result")).to_contain_text("nothing was changed")
        expect(page.locator("#result code").first).to_contain_text("hunt_groups[0]")

        text.fill(document.replace("- '104'\n", "", 1))
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("#result")).to_contain_text("In force: version 2.")
        assert picks.count() == before - 1
        # Kept passwords are good ones still.
        carol = sign_in("103", at=web)
        expect(carol.locator("#link-text")).to_have_text("Live")


def test_given_a_store_that_is_away_when_watched_then_the_page_says_so_and_recovers(
    tmp_path: Path, sign_in: Callable[..., Page], evidence: Path
) -> None:
    redis = RedisServer()
    environment = {"STAR87_REDIS_URL": redis.url}
    with (
        redis,
        Node(tmp_path / "own", DOCUMENT, environment=environment) as node,
        Web(node, tmp_path / "own-web", redis=redis.url) as web,
    ):
        page = sign_in("103", at=web)
        expect(page.locator("#link-text")).to_have_text("Live")
        scene = Scene(Setting(node.address, DOMAIN, "%u-%p-away@star87", evidence))
        try:
            scene.rings()
            expect(row(page, "Alice")).to_be_visible(timeout=2_000)
            redis.freeze()
            expect(page.locator("#banner")).to_contain_text("The state store does not answer")
            expect(page.locator("#link-text")).to_have_text("Store away")
            expect(page.get_by_role("button", name="Pick up: Alice for Bob")).to_be_disabled()
            redis.thaw()
            expect(page.locator("#banner")).to_be_hidden()
            expect(page.get_by_role("button", name="Pick up: Alice for Bob")).to_be_enabled()
        finally:
            redis.thaw()
            scene.end()
