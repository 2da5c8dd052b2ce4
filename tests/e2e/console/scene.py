"""Calls of SIPp's phones that a console shows."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.support.sipp import PHONES, SCENARIOS, Phone, Setting, SippRun

DOMAIN, OTHER = "pbx.example.com", "other.example.com"
DOCUMENT = (SCENARIOS / "provision.yaml").read_text()
SIZES = {"desk": (1280, 800), "phone": (360, 740)}
WITHIN_MS = 30_000
AT_ONCE_MS = 1_000
"""Within a second a call is on the page."""


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


def row(page: Page, words: str) -> Any:
    return page.locator("#calls tbody tr").filter(has_text=words)
