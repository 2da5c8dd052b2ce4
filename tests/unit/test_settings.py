"""Settings: every default in one place, read from the environment."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.settings import PREFIX, Settings


def test_given_an_empty_environment_when_read_then_the_defaults_are_in_force() -> None:
    assert Settings.from_environment({}) == Settings()


def test_given_variables_when_read_then_each_sets_its_setting_and_others_are_none_of_ours() -> None:
    environment = {"STAR87_NODE": "a", "STAR87_CLAIM_TTL_MS": "1200", "STAR87_OTHER": "x", "NODE": "b"}
    settings = Settings.from_environment(environment)
    assert (settings.node, settings.claim_ttl_ms) == ("a", 1200)
    assert settings == Settings(node="a", claim_ttl_ms=1200)


@pytest.mark.parametrize("text", ["soon", "-1", "1.5", "1 s", " 2"])
def test_given_a_number_that_is_none_when_read_then_the_variable_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="STAR87_REDIS_TIMEOUT_MS"):
        Settings.from_environment({"STAR87_REDIS_TIMEOUT_MS": text})


def test_given_an_empty_variable_when_read_then_the_default_stays() -> None:
    assert Settings.from_environment({"STAR87_CLAIM_TTL_MS": "", "STAR87_NODE": ""}) == Settings()


@given(st.data())
def test_given_any_settings_when_handed_to_another_process_then_it_reads_the_same(
    data: st.DataObject,
) -> None:
    values = {
        field.name: data.draw(st.integers(0, 10**6) if isinstance(field.default, int) else st.text(min_size=1))
        for field in fields(Settings)
    }
    settings = Settings(**values)  # type: ignore[arg-type]
    environment = settings.to_environment()
    assert all(name.startswith(PREFIX) for name in environment)
    assert Settings.from_environment(environment) == settings


def test_given_a_node_when_its_folder_is_asked_then_it_is_its_own_in_the_run_folder() -> None:
    assert Settings(run_dir="/run/star87", node="a").node_dir == "/run/star87/a"
