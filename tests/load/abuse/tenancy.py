"""The document of the node that is attacked, and who holds which password there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from tests.load.abuse.way import FOREIGN, HOME
from tests.support.carrier import Gateway, trunk
from tests.support.phone import PASSWORD

SECRET = "known-to-its-owner"
"""Password of those who are attacked; the attackers know their own alone."""
ATTACKERS = ["3", *(str(number) for number in range(300, 460))]
DID, FOREIGN_DID = "+15550100", "+4930100"
PICKERS_OF_101 = ("103", "31", "33*")
PICKER_OF_10, PICKER_OF_700, PICKER_OF_107, PICKER_OF_301, SEES_101 = "320", "322", "323", "326", "405"
_MONITORED = {
    "101": PICKERS_OF_101,
    "10": (PICKER_OF_10,),
    "1010": (PICKER_OF_10,),
    "87101": (PICKER_OF_10,),
    "107": (PICKER_OF_107,),
    "301": (PICKER_OF_301,),
}
OWNED = ("101", "102", "103", "104", "106", "107", "10", "1010", "87101", "31")


def document(gateways: tuple[Gateway, Gateway], *, pickers: Iterable[str] = PICKERS_OF_101, marks: int = 0) -> str:
    """101 admits `pickers` and lets 405 see; the group 700 (101, 102) and the queue 800 (106) admit others.

    marks: extensions 900, 901, … by which it is seen that a document is in force.
    """
    monitored = {**_MONITORED, "101": tuple(pickers)}
    extensions = [
        *(_extension(number, SECRET, monitored.get(number, ())) for number in OWNED),
        *(_extension(number, PASSWORD, monitored.get(number, ())) for number in ATTACKERS),
        *(_extension(str(900 + mark), PASSWORD) for mark in range(marks)),
    ]
    extensions[OWNED.index("101")]["monitored_without_pickup"] = [SEES_101]
    extensions[OWNED.index("107")]["no_answer"] = {"after_s": 60, "to": f"sip:101@{HOME}"}
    home = {
        "name": HOME,
        "extensions": extensions,
        "hunt_groups": [
            {"number": "700", "name": "Sales", "members": ["101", "102"], "monitored_by": ["103", PICKER_OF_700]}
        ],
        "agent_groups": [
            {"number": "800", "name": "Support", "agents": ["106"], "wrap_up_s": 0, "monitored_by": ["103"]}
        ],
    }
    foreign = {
        "name": FOREIGN,
        "extensions": [
            _extension("101", PASSWORD, ("*",)),
            _extension("103", PASSWORD),
            *(_extension(number, PASSWORD) for number in ATTACKERS),
        ],
    }
    carrier, rival = gateways
    trunks = [
        trunk("carrier", [carrier], "+1", dids={DID: f"101@{HOME}"}),
        trunk("rival", [rival], "+49", dids={FOREIGN_DID: f"101@{FOREIGN}"}),
    ]
    return str(yaml.safe_dump({"version": 1, "domains": [home, foreign], "trunks": trunks}))


def _extension(number: str, password: str, monitored_by: Iterable[str] = ()) -> dict[str, Any]:
    return {"number": number, "name": f"Of {number}", "password": password, "monitored_by": list(monitored_by)}
