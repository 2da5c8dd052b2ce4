"""The pages for everybody: keyboard, names, contrast, small screens, no motion."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console.scene import SIZES, Scene, row
from tests.support.web import ADMIN_PASSWORD

AXE = Path(__file__).parents[2] / "support" / "axe" / "axe.min.js"


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
