"""A small valid document to spoil, and the faults that come of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from kemi.accounts.document import DocumentInvalid, Fault, parse

Steps = tuple[int | str, ...]

# 109 and 709 are named by nobody: spoiling them has no further consequence.
_DOCUMENT: dict[str, Any] = {
    "version": 1,
    "domains": [
        {
            "name": "pbx.example.com",
            "settings": {"pickup_code": "*87", "require_hold": True},
            "extensions": [
                {
                    "number": "101",
                    "name": "Reception",
                    "password": "secret",
                    "monitored_by": ["102", "10*", "*"],
                },
                {"number": "102", "ha1": "0" * 32, "monitored_without_pickup": ["101"]},
                {
                    "number": "109",
                    "password": "secret",
                    "no_answer": {"after_s": 20, "to": "sip:109@vm.example.com"},
                    "busy": {"to": "sip:109@vm.example.com"},
                },
            ],
            "hunt_groups": [
                {
                    "number": "700",
                    "stages": [{"members": ["101", "102"], "ring_s": 15}, {"members": ["101"]}],
                },
                {
                    "number": "709",
                    "members": ["102"],
                    "no_answer": {"after_s": 45, "to": "sip:7@vm.example.com"},
                },
            ],
            "agent_groups": [
                {
                    "number": "800",
                    "agents": ["101"],
                    "strategy": "linear",
                    "overflow": "sip:800@vm.example.com",
                }
            ],
        }
    ],
    "trunks": [
        {
            "name": "carrier-a",
            "sources": ["127.0.0.2:5060"],
            "destinations": ["sip:127.0.0.2:5060"],
            "dids": {"+15550100": "101@pbx.example.com"},
            "outbound_prefixes": ["+", "00"],
        }
    ],
}

ABSENT = object()


def document(*changes: tuple[Steps, object]) -> str:
    """The document as YAML, with a value put (or ABSENT: taken away) at each place; one past a list's end appends."""
    whole = copy.deepcopy(_DOCUMENT)
    for (*above, last), value in changes:
        place: Any = whole
        for step in above:
            place = place[step]
        if value is ABSENT:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value
    return yaml.safe_dump(whole, sort_keys=False)


def faults_of(text: str) -> tuple[Fault, ...]:
    with pytest.raises(DocumentInvalid) as caught:
        parse(text)
    return caught.value.faults
