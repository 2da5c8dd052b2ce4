"""The pages: what they link to is there, what a phone may show is told. Their commands: tests/e2e/test_pages.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from kemi.errors import CallIsBeingSent, PickupRefused, RequestRefused
from tests.support.pages import PAGES, ROOT


@pytest.mark.parametrize("page", PAGES)
def test_given_a_page_when_it_links_to_a_file_then_it_is_there(page: str) -> None:
    text = (ROOT / page).read_text()
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / page).parent / link).exists(), link


@pytest.mark.parametrize("page", ["README.md", "docker/DIALLING.md"])
def test_given_what_a_picker_s_phone_may_show_when_looked_up_then_the_page_has_it_with_its_number(page: str) -> None:
    lines = (ROOT / page).read_text().splitlines()
    refusals: list[type[RequestRefused]] = [CallIsBeingSent, *kinds_of(PickupRefused)]
    for refusal in refusals:
        told = [line for line in lines if refusal.reason in line]
        assert any(str(refusal.status) in line for line in told), f"{refusal.status} {refusal.reason}"


def test_given_what_the_compose_files_may_be_told_when_looked_up_then_the_example_has_it_and_nothing_else() -> None:
    docker = ROOT / "docker"
    asked = {name for file in docker.glob("compose*.yaml") for name in re.findall(r"\$\{(\w+)", file.read_text())}
    assert set(re.findall(r"^(\w+)=", (docker / ".env.example").read_text(), re.MULTILINE)) == asked


def kinds_of(error: type[PickupRefused]) -> Iterator[type[PickupRefused]]:
    for kind in error.__subclasses__():
        yield kind
        yield from kinds_of(kind)
