"""The administrator's view, and a state store that goes away."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import yaml
from playwright.sync_api import Page, expect

from tests.e2e.console.scene import DOCUMENT, DOMAIN, Scene, row
from tests.support.node import Node
from tests.support.redis_server import RedisServer
from tests.support.sipp import Phone, Setting
from tests.support.web import ADMIN_PASSWORD, Web


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

        text.fill(re.sub(r"^ *- '104'\n", "", document, count=1, flags=re.MULTILINE))
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("#result")).to_contain_text("In force: version 2.")
        assert picks.count() == before - 1
        # Kept passwords are good ones still.
        carol = sign_in("103", at=web)
        expect(carol.locator("#link-text")).to_have_text("Live")


def test_given_an_open_page_when_permissions_change_then_its_accounts_and_buttons_are_those_of_the_new_document(
    scene: Scene, sign_in: Callable[..., Page], node: Node
) -> None:
    page = sign_in("103")
    scene.rings()
    expect(page.get_by_role("button", name="Pick up: Alice for Bob")).to_be_visible(timeout=2_000)
    bob = page.locator('.watch li[data-number="101"]')
    expect(bob).to_contain_text("you may pick up")
    document = yaml.safe_load(DOCUMENT)
    [account] = [one for one in document["domains"][0]["extensions"] if one["number"] == "101"]
    account["monitored_without_pickup"] = ["103"]
    node.apply(yaml.safe_dump(document))
    expect(bob).to_contain_text("you may see only")
    expect(bob.locator(".busy")).to_have_text("1 call")
    expect(row(page, "Alice")).to_contain_text("You may see this only")
    assert page.get_by_role("button", name="Pick up").count() == 0


def test_given_a_phone_that_rings_for_a_call_when_its_node_is_dead_to_the_others_then_the_page_says_that_it_has_ended(
    tmp_path: Path, sign_in: Callable[..., Page], evidence: Path
) -> None:
    with (
        RedisServer() as redis,
        Node(tmp_path / "own", DOCUMENT, environment={"STAR87_REDIS_URL": redis.url}) as node,
        Web(node, tmp_path / "own-web", redis=redis.url) as web,
    ):
        page = sign_in("103", at=web)
        expect(page.locator("#link-text")).to_have_text("Live")
        scene = Scene(Setting(node.address, DOMAIN, "%u-%p-dead@star87", evidence))
        try:
            scene.rings()
            carol = Phone(scene.setting, "attendant-103", "103")
            carol.register()
            scene.plays(carol, "rings-until-stopped.xml").await_bound()
            page.get_by_role("button", name="Pick up: Alice for Bob").click()
            expect(page.locator("#notice")).to_contain_text("Your phone rings. Answer it")
            node.is_buried(DOMAIN)
            expect(row(page, "Alice")).to_have_count(0)
            expect(page.locator("#notice")).to_have_text("The call has ended.")
        finally:
            scene.end()


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
