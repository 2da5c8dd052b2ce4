"""Provisioning documents for tests."""

from __future__ import annotations

from pathlib import Path

_EXAMPLE = Path(__file__).resolve().parents[2] / "docker" / "provision.example.yaml"


def example() -> str:
    """The document an operator starts from: pbx.example.com with 101-105, hunt group 700, agent group 800, a trunk.

    101 admits 102 and 10* but not 105; 102 admits all; 104, 105, 700 and 800 admit 103; 103 admits nobody.
    """
    return _EXAMPLE.read_text(encoding="utf-8")
