"""A browser, a node and a console for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.e2e.console.scene import DOCUMENT, DOMAIN, SIZES, WITHIN_MS, Scene
from tests.support.node import Node
from tests.support.sipp import PASSWORD, Setting
from tests.support.web import Web

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=WITHIN_MS)
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


@pytest.fixture
def scene(setting: Setting) -> Iterator[Scene]:
    scene = Scene(setting)
    yield scene
    scene.end()
