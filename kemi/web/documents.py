"""The provisioning document as an administrator edits it in a browser, which secrets never reach.

An HA1 is as good as a password. It stands there as KEPT, and what says so keeps the one that is in force.
"""

from __future__ import annotations

from typing import Any

import yaml

from kemi.accounts.document import DocumentInvalid, Fault, parse
from kemi.accounts.export import document_of
from kemi.accounts.model import Extension, Provisioning

KEPT = "(kept)"


def shown(provisioning: Provisioning) -> str:
    """The document in YAML, without secrets."""
    document = document_of(provisioning)
    for domain in document["domains"]:
        for extension in domain["extensions"]:
            extension["ha1"] = KEPT
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120))


def read(text: str, in_force: Provisioning) -> Provisioning:
    """The document that was written, with what it keeps. Raises DocumentInvalid with every fault."""
    if KEPT not in text:
        return parse(text)
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        # It says where.
        return parse(text)
    kept = {
        (domain.name, account.number): account.ha1
        for domain in in_force.domains
        for account in domain.accounts
        if isinstance(account, Extension)
    }
    faults = list(_restore(value, kept))
    try:
        provisioning = parse(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
    except DocumentInvalid as invalid:
        paths = {fault.path for fault in faults}
        raise DocumentInvalid([*faults, *(one for one in invalid.faults if one.path not in paths)]) from None
    if faults:
        raise DocumentInvalid(faults)
    return provisioning


def _restore(value: Any, kept: dict[tuple[str, str], str]) -> list[Fault]:
    """Put what is kept into its place; a fault for each that there is not. What is odd is left to `parse`."""
    faults = []
    domains = value.get("domains") if isinstance(value, dict) else None
    for i, domain in enumerate(domains if isinstance(domains, list) else []):
        extensions = domain.get("extensions") if isinstance(domain, dict) else None
        for j, extension in enumerate(extensions if isinstance(extensions, list) else []):
            if not isinstance(extension, dict) or extension.get("ha1") != KEPT:
                continue
            ha1 = kept.get((str(domain.get("name", "")).lower(), str(extension.get("number", ""))))
            if ha1 is None:
                faults.append(Fault(f"domains[{i}].extensions[{j}].ha1", "nothing is kept of a new extension"))
            else:
                extension["ha1"] = ha1
    return faults
