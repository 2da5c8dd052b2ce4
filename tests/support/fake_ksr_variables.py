"""Pseudo-variables of the double of KSR: those that its model owns, and those that only the test can know.

Owned are avps, `$var`, headers, branches, fetched contacts and the parts of the Request-URI; the test gives
all others. A variable that nobody gave has no value here, not even null: reading it is the test's fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from tests.support.fake_ksr_state import Branch, Registered, Xval, same_header

if TYPE_CHECKING:
    from tests.support.fake_ksr import FakeKsr

_SYNTAX = re.compile(r"\$(?:(\w+)(?:\(([^()]*)\))?|\((\w+)(?:\(([^()]*)\))?(?:\[(-?\d+|\*)\])?\))")
_URI = re.compile(r"(?P<scheme>sips?:)(?:(?P<rU>[^@;?]*)@)?(?P<rd>\[[^\]]*\]|[^;?:\[]+)(?P<rest>.*)")
_BRANCH_FIELDS = ("uri", "dst_uri", "path", "send_socket", "ruid")
_CONTACT_FIELDS = ("addr", "received", "path", "socket", "user_agent", "ruid")


class Name(NamedTuple):
    """`$(avp(x)[1])` is name avp, inner x, at 1; without an index it is the first one, at 0."""

    name: str
    inner: str
    at: str


def parse(text: str) -> Name:
    """Split a pseudo-variable; what has a transformation is a name of its own, which only the test can give."""
    match = _SYNTAX.fullmatch(text)
    if match is None:
        return Name(text, "", "0")
    plain, inner, indexed, inner_indexed, index = match.groups()
    return Name(plain or indexed, inner or inner_indexed or "", index or "0")


class Variables:
    """Reads and writes the pseudo-variables of one FakeKsr."""

    def __init__(self, fake: FakeKsr) -> None:
        self._fake = fake
        self.avps: dict[str, list[str | int]] = {}
        """Values of each avp, the newest first."""
        self.vars: dict[str, str | int] = {}
        self.shared: dict[str, str | int] = {}
        self.fetched: dict[str, tuple[str, list[Registered]]] = {}
        """Profile of reg_fetch_contacts: AoR and its contacts."""

    def give(self, variables: Mapping[str, Xval]) -> dict[str, Xval]:
        """Take what the test gives; returns those that belong to the message itself."""
        own: dict[str, Xval] = {}
        for text, value in variables.items():
            variable = parse(text)
            if variable.name in ("hdr", "branch", "ulc"):
                self._fake.fail(f"{text}: the model owns it, give headers, branches or locations instead")
            stores = {"avp": self.avps, "var": self.vars, "shv": self.shared}
            if variable.name not in stores:
                own[text] = value
            elif value is not None:
                self.write(text, value)
        return own

    def read(self, text: str) -> Xval:
        """The value, None for null. Fails when neither the model nor the test knows it."""
        variable = parse(text)
        own = self._fake.message.variables
        match variable.name:
            case "avp" if not variable.at.startswith("-"):
                return _pick(list(self.avps.get(variable.inner.removeprefix("s:"), [])), variable.at)
            case "var":
                return self.vars.get(variable.inner, 0)
            case "shv" if variable.inner in self.shared:
                return self.shared[variable.inner]
            case "hdr":
                named = [value for name, value in self._fake.headers() if same_header(name, variable.inner)]
                return _pick(named, variable.at)
            case "branch":
                return self._branch(variable)
            case "ulc":
                return self._contact(variable)
            case "rU" | "rd" if own.get("$ru"):
                return self._uri()[variable.name]
            case "T_reply_code" if self._fake.status is not None:
                return self._fake.status
        if text not in own:
            self._fake.fail(f"KSR.pv.get({text!r}): the test gives it no value")
        return own[text]

    def write(self, text: str, value: Xval) -> bool:
        """Set a variable that Kamailio lets a script set; None unsets it."""
        variable = parse(text)
        own = self._fake.message.variables
        match variable.name:
            case "avp":
                self._write_avp(variable, value)
            case "var" | "shv":
                store = self.vars if variable.name == "var" else self.shared
                store[variable.inner] = 0 if value is None else value
            case "branch":
                self._write_branch(variable, value)
            case "rU" | "rd":
                parts = self._uri() | {variable.name: value}
                user = "" if parts["rU"] is None else f"{parts['rU']}@"
                own["$ru"] = f"{parts['scheme']}{user}{parts['rd']}{parts['rest']}"
            case "ru" if isinstance(value, str):
                own[text] = value
            case "du" | "fs" if not isinstance(value, int):
                own[text] = value
            case _:
                # Kamailio says "done" and does nothing for a variable that cannot be written.
                self._fake.fail(f"{text} = {value!r}: not a variable, or not a value, that can be written")
        return True

    def _uri(self) -> dict[str, Xval]:
        uri = self._fake.message.variables.get("$ru")
        match = _URI.fullmatch(str(uri))
        if match is None:
            self._fake.fail(f"$ru is {uri!r}: no SIP URI to take a part of")
        return dict(match.groupdict())

    def _write_avp(self, variable: Name, value: Xval) -> None:
        values = self.avps.setdefault(variable.inner.removeprefix("s:"), [])
        if value is not None:
            values.insert(0, value)
        elif variable.at == "*":
            values.clear()
        else:
            del values[:1]

    def _branch_at(self, variable: Name) -> Branch | None:
        branches = self._fake.message.branches
        position = int(variable.at) if variable.at.isdigit() else len(branches)
        return branches[position] if position < len(branches) else None

    def _branch(self, variable: Name) -> Xval:
        if variable.inner == "count":
            return len(self._fake.message.branches) or None
        if variable.inner not in _BRANCH_FIELDS:
            self._fake.fail(f"$branch({variable.inner}): not in the model")
        branch = self._branch_at(variable)
        value: Xval = None if branch is None else getattr(branch, variable.inner)
        return value

    def _write_branch(self, variable: Name, value: Xval) -> None:
        branch = self._branch_at(variable)
        if branch is None or variable.inner not in _BRANCH_FIELDS or isinstance(value, int):
            self._fake.fail(f"$branch({variable.inner})[{variable.at}] = {value!r}: no such branch or field")
        if variable.inner == "uri" and value is None:
            self._fake.message.branches.remove(branch)
        else:
            setattr(branch, variable.inner, value)

    def _contact(self, variable: Name) -> Xval:
        profile, _, wanted = variable.inner.partition("=>")
        if profile not in self.fetched:
            return None
        aor, contacts = self.fetched[profile]
        if wanted in ("aor", "count"):
            return aor if wanted == "aor" else len(contacts)
        if wanted not in _CONTACT_FIELDS:
            self._fake.fail(f"$ulc({variable.inner}): not in the model")
        return _pick([getattr(contact, wanted) for contact in contacts], variable.at)


def _pick(values: list[Xval] | list[str] | list[str | int], index: str) -> Xval:
    if index == "*":
        return ", ".join(str(value) for value in values) or None
    position = int(index)
    return values[position] if -len(values) <= position < len(values) else None
