"""One wrong key or value, one fault, at its exact path, with its remedy."""

from __future__ import annotations

from typing import Any

import pytest

from kemi.accounts.document import parse
from tests.unit.accounts.editing import ABSENT, Steps, document, faults_of

X: Steps = ("domains", 0, "extensions", 2)
HUNT: Steps = ("domains", 0, "hunt_groups", 0)
MEMBERS_HUNT: Steps = ("domains", 0, "hunt_groups", 1)
AGENTS: Steps = ("domains", 0, "agent_groups", 0)
SETTINGS: Steps = ("domains", 0, "settings")
TRUNK: Steps = ("trunks", 0)

CASES: list[tuple[Steps, Any, str, str]] = [
    # keys
    (
        ("domain",),
        [],
        "domain",
        "is no key of this place; correct or remove it (known: version, domains, trunks)",
    ),
    ((*X, "passwort"), "x", "domains[0].extensions[2].passwort", "known: number, name, monitored_by"),
    ((*SETTINGS, "pickup code"), "*8", 'domains[0].settings["pickup code"]', "known: pickup_code"),
    ((*HUNT, "stages", 0, "rings"), 1, "domains[0].hunt_groups[0].stages[0].rings", "known: members, ring_s"),
    ((*X, "busy", "after_s"), 1, "domains[0].extensions[2].busy.after_s", "known: to)"),
    ((*TRUNK, "source"), "x", "trunks[0].source", "known: name, sources"),
    (("version",), ABSENT, "version", "is missing; give it"),
    (("domains",), ABSENT, "domains", "is missing; give it"),
    ((*X, "number"), ABSENT, "domains[0].extensions[2].number", "is missing; give it"),
    ((*X, "no_answer", "after_s"), ABSENT, "domains[0].extensions[2].no_answer.after_s", "is missing"),
    ((*X, "no_answer", "to"), ABSENT, "domains[0].extensions[2].no_answer.to", "is missing"),
    ((*TRUNK, "name"), ABSENT, "trunks[0].name", "is missing"),
    ((*HUNT, "stages", 0, "members"), ABSENT, "domains[0].hunt_groups[0].stages[0].members", "is missing"),
    ((*AGENTS, "agents"), ABSENT, "domains[0].agent_groups[0].agents", "is missing"),
    # types
    (("version",), 2, "version", "must be 1, the only version there is"),
    (("version",), "1", "version", "must be a whole number; write digits without quotes"),
    (("version",), True, "version", "must be a whole number"),
    (("trunks",), {}, "trunks", "must be a list"),
    (("trunks", 0), "carrier", "trunks[0]", "must be a mapping"),
    ((*X, "monitored_by"), "101", "domains[0].extensions[2].monitored_by", "must be a list"),
    ((*X, "monitored_by"), None, "domains[0].extensions[2].monitored_by", "[] for none"),
    ((*X, "name"), ["x"], "domains[0].extensions[2].name", "must be text"),
    ((*X, "name"), True, "domains[0].extensions[2].name", "must be text"),
    ((*SETTINGS,), [], "domains[0].settings", "must be a mapping"),
    ((*SETTINGS, "require_hold"), "yes", "domains[0].settings.require_hold", "must be true or false"),
    ((*SETTINGS, "hide_accounts"), "no", "domains[0].settings.hide_accounts", "must be true or false"),
    ((*SETTINGS, "require_hold"), 1, "domains[0].settings.require_hold", "must be true or false"),
    ((*SETTINGS, "pickup_mode"), "sometimes", "domains[0].settings.pickup_mode", "must be auto, replaces or reroute"),
    ((*SETTINGS, "pickup_mode"), "AUTO", "domains[0].settings.pickup_mode", "must be auto, replaces or reroute"),
    ((*SETTINGS, "pickup_mode"), [], "domains[0].settings.pickup_mode", "must be auto, replaces or reroute"),
    ((*SETTINGS, "pickup_mode"), True, "domains[0].settings.pickup_mode", "must be auto, replaces or reroute"),
    ((*X, "no_answer", "after_s"), "20", "domains[0].extensions[2].no_answer.after_s", "whole number"),
    ((*X, "no_answer", "after_s"), 2.5, "domains[0].extensions[2].no_answer.after_s", "whole number"),
    ((*TRUNK, "dids"), [], "trunks[0].dids", "must be a mapping"),
    # numbers that YAML would take for integers
    ((*X, "number"), 109, "domains[0].extensions[2].number", 'quote it: write "109"'),
    ((*X, "password"), 12.5, "domains[0].extensions[2].password", 'quote it: write "12.5"'),
    (
        (*HUNT, "stages", 0, "members", 0),
        101,
        "domains[0].hunt_groups[0].stages[0].members[0]",
        'write "101"',
    ),
    ((*X, "monitored_by"), [101], "domains[0].extensions[2].monitored_by[0]", 'quote it: write "101"'),
    # numbers and names
    ((*X, "number"), "", "domains[0].extensions[2].number", "1 to 20 digits"),
    ((*X, "number"), "1" * 21, "domains[0].extensions[2].number", "1 to 20 digits"),
    ((*X, "number"), "10a", "domains[0].extensions[2].number", '"10a" is no number'),
    ((*X, "number"), "١٠٩", "domains[0].extensions[2].number", "1 to 20 digits"),
    ((*X, "number"), "109\n", "domains[0].extensions[2].number", "1 to 20 digits"),
    ((*MEMBERS_HUNT, "number"), "+7", "domains[0].hunt_groups[1].number", "1 to 20 digits"),
    ((*X, "name"), "", "domains[0].extensions[2].name", "1 to 64 printable characters"),
    ((*X, "name"), "A\r\nX-Injected: 1", "domains[0].extensions[2].name", "on one line"),
    ((*X, "name"), "x" * 65, "domains[0].extensions[2].name", "1 to 64"),
    # permission
    ((*X, "monitored_by"), ["1*0"], "domains[0].extensions[2].monitored_by[0]", '"1*0" is no pattern'),
    ((*X, "monitored_by"), ["10**"], "domains[0].extensions[2].monitored_by[0]", "is no pattern"),
    ((*X, "monitored_by"), ["*", ""], "domains[0].extensions[2].monitored_by[1]", 'a prefix like "10*"'),
    (
        (*AGENTS, "monitored_without_pickup"),
        ["a*"],
        "domains[0].agent_groups[0].monitored_without_pickup[0]",
        "is no",
    ),
    # credentials
    ((*X, "password"), "", "domains[0].extensions[2].password", "is empty"),
    (
        ("domains", 0, "extensions", 1, "ha1"),
        "0" * 31,
        "domains[0].extensions[1].ha1",
        "32 hexadecimal digits",
    ),
    (
        ("domains", 0, "extensions", 1, "ha1"),
        "g" * 32,
        "domains[0].extensions[1].ha1",
        "32 hexadecimal digits",
    ),
    # groups
    ((*MEMBERS_HUNT, "members"), [], "domains[0].hunt_groups[1].members", "is empty; name at least one"),
    ((*HUNT, "stages"), [], "domains[0].hunt_groups[0].stages", "is empty"),
    ((*HUNT, "stages", 1, "members"), [], "domains[0].hunt_groups[0].stages[1].members", "is empty"),
    ((*AGENTS, "agents"), [], "domains[0].agent_groups[0].agents", "is empty"),
    (
        (*AGENTS, "strategy"),
        "random",
        "domains[0].agent_groups[0].strategy",
        "longest_idle, round_robin, linear or",
    ),
    # ranges
    ((*X, "no_answer", "after_s"), 0, "domains[0].extensions[2].no_answer.after_s", "from 1 to 3600, not "),
    ((*X, "no_answer", "after_s"), 3601, "domains[0].extensions[2].no_answer.after_s", "from 1 to 3600"),
    ((*HUNT, "stages", 0, "ring_s"), 0, "domains[0].hunt_groups[0].stages[0].ring_s", "from 1 to 3600"),
    ((*AGENTS, "ring_s"), -1, "domains[0].agent_groups[0].ring_s", "from 1 to 3600"),
    ((*AGENTS, "wrap_up_s"), -1, "domains[0].agent_groups[0].wrap_up_s", "from 0 to 3600"),
    ((*AGENTS, "max_wait_s"), 0, "domains[0].agent_groups[0].max_wait_s", "from 1 to 86400"),
    ((*AGENTS, "max_waiting"), 10**30, "domains[0].agent_groups[0].max_waiting", "from 1 to 10000"),
    # settings and domains
    ((*SETTINGS, "pickup_code"), "87", "domains[0].settings.pickup_code", "is no feature code"),
    ((*SETTINGS, "pickup_code"), "*", "domains[0].settings.pickup_code", "is no feature code"),
    ((*SETTINGS, "pickup_code"), "*12345678", "domains[0].settings.pickup_code", "1 to 7 of digits"),
    (("domains", 1), {"name": "a{b}.example"}, "domains[1].name", "is no domain name"),
    (("domains", 1), {"name": "a..example"}, "domains[1].name", "is no domain name"),
    (("domains", 1), {"name": "-a.example"}, "domains[1].name", "is no domain name"),
    (("domains", 1), {"name": "a.example\n"}, "domains[1].name", "is no domain name"),
    (("domains", 1), {"name": ".".join(["a" * 60] * 5)}, "domains[1].name", "is no domain name"),
    # URIs
    ((*X, "no_answer", "to"), "109@vm.example.com", "domains[0].extensions[2].no_answer.to", "is no SIP URI"),
    ((*X, "busy", "to"), "sip:", "domains[0].extensions[2].busy.to", "is no SIP URI"),
    ((*X, "busy", "to"), "sip:a@b:0", "domains[0].extensions[2].busy.to", "is no SIP URI"),
    ((*X, "busy", "to"), "sip:a@b:65536", "domains[0].extensions[2].busy.to", "is no SIP URI"),
    ((*X, "busy", "to"), "<sip:a@b>", "domains[0].extensions[2].busy.to", "without <>"),
    ((*X, "busy", "to"), "sip:a@b?Replaces=x", "domains[0].extensions[2].busy.to", "without <> and ?headers"),
    ((*X, "busy", "to"), "sip:a@b\r\nVia: x", "domains[0].extensions[2].busy.to", "is no SIP URI"),
    ((*X, "busy", "to"), "sip:a@[::g]", "domains[0].extensions[2].busy.to", "is no SIP URI"),
    ((*MEMBERS_HUNT, "no_answer", "to"), "tel:1", "domains[0].hunt_groups[1].no_answer.to", "is no SIP URI"),
    ((*AGENTS, "overflow"), "800", "domains[0].agent_groups[0].overflow", "is no SIP URI"),
    ((*TRUNK, "destinations"), ["127.0.0.2"], "trunks[0].destinations[0]", "is no SIP URI"),
    # trunks
    (
        (*TRUNK, "sources"),
        ["127.0.0.2"],
        "trunks[0].sources[0]",
        "an address and a port, like 192.0.2.1:5060",
    ),
    ((*TRUNK, "sources"), ["carrier.example:5060"], "trunks[0].sources[0]", "is no source"),
    ((*TRUNK, "sources"), ["127.0.0.2:0"], "trunks[0].sources[0]", "is no source"),
    ((*TRUNK, "sources"), ["::1:5060"], "trunks[0].sources[0]", "is no source"),
    ((*TRUNK, "sources"), ["[fe80::1%eth0]:5060"], "trunks[0].sources[0]", "is no source"),
    ((*TRUNK, "dids"), {"x": "101@pbx.example.com"}, "trunks[0].dids.x", "is no dialled number"),
    ((*TRUNK, "dids"), {"+1": "101"}, 'trunks[0].dids["+1"]', "write number@domain"),
    ((*TRUNK, "dids"), {"+1": 101}, 'trunks[0].dids["+1"]', "quote it"),
    ((*TRUNK, "outbound_prefixes"), [""], "trunks[0].outbound_prefixes[0]", "is no prefix"),
    ((*TRUNK, "outbound_prefixes"), ["+", "a"], "trunks[0].outbound_prefixes[1]", "is no prefix"),
]


@pytest.mark.parametrize(("place", "value", "path", "remedy"), CASES)
def test_given_one_spoilt_value_when_parsed_then_that_place_alone_is_named(
    place: Steps, value: object, path: str, remedy: str
) -> None:
    faults = faults_of(document((place, value)))
    assert [fault.path for fault in faults] == [path]
    assert remedy in faults[0].message


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((*X, "busy", "to"), "SIPS:%31(x)@[2001:db8::1]:5061;transport=tcp;lr"),
        ((*X, "busy", "to"), "sip:vm.example.com"),
        ((*X, "busy", "to"), "sip:user:secret@192.0.2.1"),
        ((*TRUNK, "sources"), ["[::1]:5060", "192.0.2.9:65535"]),
        ((*TRUNK, "dids"), {"15550100": "101@PBX.example.com"}),
        ((*SETTINGS, "pickup_code"), "#*1"),
        ((*X, "number"), "0" * 20),
        ((*X, "name"), 'Zoë "Front" O\'Neill'),
        ((*X, "busy"), None),
        ((*AGENTS, "wrap_up_s"), 0),
        (("trunks",), []),
        (("domains", 1), {"name": "192.0.2.1"}),
    ],
)
def test_given_an_unusual_but_right_value_when_parsed_then_it_is_taken(place: Steps, value: object) -> None:
    assert parse(document((place, value)))


def test_given_a_fault_in_a_secret_when_named_then_the_secret_is_not_repeated() -> None:
    secret = "5ebe2294ecd0e0f08eab7690d2a6ee6"
    faults = faults_of(document((("domains", 0, "extensions", 1, "ha1"), secret)))
    assert secret not in str(faults)
