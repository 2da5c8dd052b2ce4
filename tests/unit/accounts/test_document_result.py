"""What a good document becomes."""

from __future__ import annotations

import gc
import hashlib

import pytest

from kemi.accounts.document import DocumentInvalid, parse
from kemi.accounts.model import (
    AgentGroup,
    DomainSettings,
    Extension,
    Forward,
    HuntGroup,
    PickupMode,
    Provisioning,
    Stage,
    Trunk,
)
from kemi.accounts.permission import Permission
from tests.support.documents import example
from tests.unit.accounts.editing import document


@pytest.fixture(scope="module")
def provisioning() -> Provisioning:
    return parse(example())


def test_given_the_example_when_parsed_then_every_account_of_the_page_is_there(
    provisioning: Provisioning,
) -> None:
    (domain,) = provisioning.domains
    assert domain.name == "pbx.example.com"
    assert domain.settings == DomainSettings("*87", PickupMode.AUTO, True, True, False)
    assert [a.number for a in domain.accounts] == ["101", "102", "103", "104", "105", "700", "800"]


def test_given_the_example_when_parsed_then_a_password_is_kept_as_ha1_only(
    provisioning: Provisioning,
) -> None:
    reception = provisioning.domains[0].accounts[0]
    assert reception == Extension(
        number="101",
        name="Reception",
        ha1=hashlib.md5(b"101:pbx.example.com:change-me").hexdigest(),
        permission=Permission(frozenset({"102", "10*"}), frozenset({"105"})),
        no_answer=Forward("sip:101@vm.example.com", 20),
    )
    assert "change-me" not in repr(provisioning)


def test_given_the_example_when_parsed_then_groups_and_trunk_are_whole(provisioning: Provisioning) -> None:
    *_, sales, support = provisioning.domains[0].accounts
    admits_carol = Permission(frozenset({"103"}))
    assert sales == HuntGroup(
        "700",
        "Sales",
        (Stage(("101", "102"), 15), Stage(("103",), 15)),
        admits_carol,
        Forward("sip:700@vm.example.com", 45),
    )
    assert support == AgentGroup(
        "800",
        "Support",
        ("104", "105"),
        "longest_idle",
        15,
        5,
        600,
        50,
        "sip:800@vm.example.com",
        admits_carol,
    )
    assert provisioning.trunks == (
        Trunk(
            "carrier-a",
            ("127.0.0.2:5060",),
            ("sip:127.0.0.2:5060",),
            (("+15550100", "101@pbx.example.com"), ("+15550170", "700@pbx.example.com")),
            ("+", "00"),
        ),
    )


@pytest.mark.parametrize("mode", PickupMode)
def test_given_a_way_of_picking_up_when_parsed_then_it_is_the_domain_s(mode: PickupMode) -> None:
    (domain,) = parse(document((("domains", 0, "settings", "pickup_mode"), mode.value))).domains
    assert domain.settings.pickup_mode is mode


def test_given_members_instead_of_stages_when_parsed_then_they_are_one_stage_without_end() -> None:
    groups = {a.number: a for a in parse(document()).domains[0].accounts}
    short = groups["709"]
    assert isinstance(short, HuntGroup)
    assert short.stages == (Stage(("102",), 0),)


def test_given_no_optional_key_when_parsed_then_the_models_defaults_hold() -> None:
    text = 'version: 1\ndomains: [{name: a.example, extensions: [{number: "1", password: x}]'
    text += ', agent_groups: [{number: "2", agents: ["1"]}]}]'
    (domain,) = parse(text).domains
    ha1 = hashlib.md5(b"1:a.example:x").hexdigest()
    assert domain.settings == DomainSettings()
    assert domain.accounts == (Extension("1", "1", ha1), AgentGroup("2", "2", ("1",)))


def test_given_capitals_when_parsed_then_domains_and_ha1_are_lower_case_and_hash_over_the_lower_case_realm() -> None:
    text = document(
        (("domains", 0, "name"), "PBX.Example.com"),
        (("domains", 0, "extensions", 1, "ha1"), "AB" * 16),
        (("trunks", 0, "dids"), {"+1": "101@PBX.EXAMPLE.COM"}),
    )
    provisioning = parse(text)
    first, second, *_ = provisioning.domains[0].accounts
    assert isinstance(first, Extension)
    assert isinstance(second, Extension)
    assert provisioning.domains[0].name == "pbx.example.com"
    assert first.ha1 == hashlib.md5(b"101:pbx.example.com:secret").hexdigest()
    assert second.ha1 == "ab" * 16
    assert provisioning.trunks[0].dids == (("+1", "101@pbx.example.com"),)


def test_given_a_parse_that_fails_when_it_is_over_then_the_garbage_collector_runs_as_before() -> None:
    assert gc.isenabled()
    with pytest.raises(DocumentInvalid):
        parse("")
    assert gc.isenabled()


def test_given_several_faults_when_printed_then_each_has_its_line() -> None:
    with pytest.raises(DocumentInvalid) as caught:
        parse("version: 1\nx: 1")
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]
    assert str(caught.value).startswith("domains: is missing; give it\n")
