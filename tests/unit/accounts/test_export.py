"""What is exported is a document, and says the same."""

from __future__ import annotations

import json

import pytest

from kemi.accounts.document import parse
from kemi.accounts.export import document_of
from kemi.accounts.shape import AgentGroup, Domain, Extension, HuntGroup, Trunk
from tests.support import documents
from tests.support.tenants import document_of as tenants_document
from tests.support.tenants import tenant_document

EVERYTHING = """
version: 1
domains:
  - name: a.example.com
    settings: {pickup_code: "*8", pickup_mode: reroute, require_hold: false, completed_elsewhere: false,
               directed_includes_group_calls: true, hide_accounts: true,
               agent_login_code: "*1", agent_logout_code: "*2"}
    extensions:
      - {number: "101", name: "Zoë 📞 \\"x\\"", password: a,
         monitored_by: ["10*", "*"], monitored_without_pickup: ["102"],
         no_answer: {after_s: 7, to: "sip:101@vm.example.com"}, busy: {to: "sip:102@a.example.com"}}
      - {number: "102", ha1: 0123456789abcdef0123456789abcdef}
    hunt_groups:
      - {number: "700", stages: [{members: ["101"], ring_s: 5}, {members: ["102", "101"]}],
         no_answer: {after_s: 9, to: "sip:700@vm.example.com"}}
    agent_groups:
      - {number: "800", name: S, agents: ["102", "101"], strategy: round_robin, ring_s: 3, wrap_up_s: 0, max_wait_s: 9,
         max_waiting: 2, overflow: "sip:800@vm.example.com", monitored_by: ["101"]}
      - {number: "801", agents: ["101"]}
trunks:
  - {name: t, sources: ["127.0.0.2:5060"], destinations: ["sip:127.0.0.2:5060"], outbound_prefixes: ["+"],
     dids: {"+15550100": "101@a.example.com"}}
"""


@pytest.mark.parametrize(
    "text",
    [
        EVERYTHING,
        documents.example(),
        tenants_document([tenant_document("b.example.com")]),
        "{version: 1, domains: []}",
    ],
    ids=["everything", "example", "tenant", "nothing"],
)
def test_given_a_document_when_exported_and_read_again_then_it_says_the_same(text: str) -> None:
    provisioning = parse(text)
    exported = json.dumps(document_of(provisioning), ensure_ascii=False)
    assert parse(exported) == provisioning
    assert "password" not in exported


def test_given_every_key_that_a_document_may_have_when_everything_is_exported_then_each_is_there() -> None:
    exported = json.dumps(document_of(parse(EVERYTHING)))
    keys = {key for model in (Extension, HuntGroup, AgentGroup, Domain, Trunk) for key in model.model_fields}
    # One stage is what `members` is short for; HA1s stand for passwords.
    assert {key for key in keys if f'"{key}"' not in exported} == {"password"}
