"""A strict double of Kamailio's KSR object: one message and its transaction, in memory.

It answers in three ways and in no fourth: from its model of the message (fake_ksr_parts.py), as far as that goes;
with what the test laid down by `answer("rr.loose_route", 1)`; or with an AssertionError that names the call.
Every call is first held against the committed type stub. The model was taken from Kamailio 5.6.3 as it runs.

    fake = FakeKsr({"$rm": "INVITE", "$ru": "sip:102@pbx.example.com"}, headers=[("Supported", "replaces")])
    with install(fake):
        handler.ksr_request_route(None)
    assert fake.replies[-1].status == 404
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from inspect import signature
from itertools import repeat
from types import ModuleType
from typing import Any, NoReturn

from tests.support.fake_ksr_parts import models_of
from tests.support.fake_ksr_state import Header, Message, Registered, Relay, Reply, Transaction, Xval
from tests.support.fake_ksr_tables import Tables
from tests.support.fake_ksr_variables import Variables
from tests.support.ksr_surface import Function, Surface, committed

__all__ = ["FakeKsr", "Registered", "Relay", "Reply", "install"]

CALLBACKS = ("request", "failure", "branch", "reply", "event")
_TABLE = "location"
_INT32 = range(-(2**31), 2**31)


@cache
def _surface() -> Surface:
    return committed()


class FakeKsr:
    """KSR for the callbacks of one transaction.

    variables: pseudo-variables of the message (`{"$ci": "a84b4c"}`), None for null. headers: all of the message.
    locations: contacts of each AoR (`{"101@pbx.example.com": [...]}`). What is not given cannot be read.
    """

    def __init__(
        self,
        variables: Mapping[str, Xval] | None = None,
        *,
        headers: Sequence[Header] | None = None,
        locations: Mapping[str, Sequence[Registered]] | None = None,
        callback: str = "request",
        status: int | None = None,
    ) -> None:
        self.faults: list[str] = []
        """What was asked of the double that it refused: kept, since the code under test may swallow the error."""
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        """Every call in order: path below KSR, arguments."""
        self.replies: list[Reply] = []
        self.relays: list[Relay] = []
        self.logged: list[tuple[str, str]] = []
        """Level and text."""
        self.suspensions = 0
        self.continued: list[tuple[int, int, str]] = []
        self.elsewhere: set[tuple[int, int]] = set()
        """Index and label of the node's other live transactions, which t_continue can reach."""
        self.locations = locations
        self.callback = callback
        self.status = status
        """What the failure or reply callback is about."""
        self.transaction = Transaction()
        self.tables: Tables = Tables(dict)
        """What stands in each htable."""
        self._answers: dict[str, Iterator[Xval]] = {}
        self._models = dict(models_of(self))
        self.variables = Variables(self)
        self.message = Message({}, None if headers is None else list(headers))
        self.message.variables = self.variables.give(variables or {})
        self._request = self.message
        if callback in ("failure", "branch", "reply"):
            self.transaction.created = self.message.copy()

    def answer(self, path: str, *values: Xval) -> None:
        """What Kamailio says to `KSR.<path>`: one value each time, or several, one for each call and no more.

        It goes before the model, so a test can make t_relay fail.
        """
        function = _surface().get(path)
        if function is None:
            self.fail(f"KSR.{path} does not exist")
        for value in values:
            if not _is_of(function.returns, value):
                self.fail(f"KSR.{path} returns {function.returns}, never {value!r}")
        if not values:
            self.fail(f"KSR.{path}: no answer given")
        self._answers[path] = repeat(values[0]) if len(values) == 1 else iter(values)

    def called(self, path: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of one function; the function must exist."""
        if path not in _surface():
            self.fail(f"KSR.{path} does not exist")
        return [arguments for name, arguments in self.calls if name == path]

    def enter(
        self,
        callback: str,
        *,
        status: int | None = None,
        variables: Mapping[str, Xval] | None = None,
        headers: Sequence[Header] | None = None,
    ) -> None:
        """Go on to a later callback of the same transaction. Avps stay.

        failure: the request as it was when its transaction was made, with today's Request-URI; nothing is armed.
        branch: the request; header changes are that branch's own. reply: a message of its own, of which only
        `variables` and `headers` are known. status: what the failure or reply callback is about.
        """
        if callback not in CALLBACKS:
            self.fail(f"{callback}: no callback")
        if self.transaction.created is None:
            self.fail(f"{callback} callback without a transaction")
        given = self.variables.give(variables or {})
        if self.callback in ("request", "failure"):
            self._request = self.message
        if callback == "reply":
            self.message = Message(given, None if headers is None else list(headers))
        else:
            origin = self.transaction.created if callback == "failure" else self._request
            self.message = origin.copy()
            self.message.reply_headers = []
            self.message.variables = self._request.variables | given
        if callback == "failure":
            self.transaction.armed = {"failure": "", "branch": "", "reply": ""}
        self.callback, self.status = callback, status

    def headers(self) -> list[Header]:
        """Headers of the message as Kamailio sees them now."""
        if self.message.headers is None:
            self.fail("a header is read, and the test gives no headers")
        return self.message.headers

    def registered(self, table: str, uri: str) -> Sequence[Registered]:
        """Contacts of an AoR in the test's table."""
        if self.locations is None or table != _TABLE:
            self.fail(f"{uri} is looked up in {table}, and the test gives no such table")
        return self.locations.get(uri.removeprefix("sip:").removeprefix("sips:"), ())

    def send_reply(self, status: int, reason: str, *, stateful: bool) -> None:
        if self.callback not in ("request", "failure"):
            self.fail(f"{status} {reason}: a reply in a {self.callback} callback")
        self.replies.append(Reply(status, reason, tuple(self.message.reply_headers), stateful))

    def known_status(self, call: str) -> int:
        if self.status is None:
            self.fail(f"KSR.tm.{call}: the test gives no status")
        return self.status

    def fail(self, fault: str) -> NoReturn:
        """Refuse; the fault stays on record."""
        self.faults.append(fault)
        raise AssertionError(fault)

    def modelled(self) -> dict[str, int]:
        """Path and number of parameters of every function that the double has a model of."""
        return {path: len(signature(model).parameters) for path, model in self._models.items()}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in _surface():
            return partial(self._call, name)
        if any(function.module == name for function in _surface().values()):
            return _Module(self, name)
        return self.fail(f"KSR.{name} does not exist")

    def _call(self, path: str, /, *arguments: Any) -> Xval:
        function = _surface()[path]
        call = f"KSR.{path}({', '.join(map(repr, arguments))})"
        if not _fits(function, arguments):
            self.fail(f"{call}: takes ({', '.join(function.parameters)})")
        self.calls.append((path, arguments))
        if path in self._answers:
            return self._answer(path, call)
        model = self._models.get(path)
        if model is None:
            self.fail(f"{call}: the test does not say what Kamailio answers")
        return model(*arguments)

    def _answer(self, path: str, call: str) -> Xval:
        for answer in self._answers[path]:
            return answer
        return self.fail(f"{call}: more calls than answers")


class _Module:
    """`KSR.tm` of one double."""

    def __init__(self, fake: FakeKsr, module: str) -> None:
        self._fake = fake
        self._module = module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        path = f"{self._module}.{name}"
        if path not in _surface():
            self._fake.fail(f"KSR.{path} does not exist")
        return partial(self._fake._call, path)


def _fits(function: Function, arguments: Sequence[Any]) -> bool:
    """Kamailio takes exactly these types and 32-bit numbers; with any other a SystemError comes out of the call."""
    return len(arguments) == len(function.parameters) and all(
        isinstance(argument, str) if kind == "str" else isinstance(argument, int) and argument in _INT32
        for kind, argument in zip(function.parameters, arguments, strict=True)
    )


def _is_of(kind: str, value: Xval) -> bool:
    match kind:
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case "none":
            return value is None
    return value is None or isinstance(value, str | int)


class _Slot(ModuleType):
    """What `import KSR` finds. Modules keep what they imported, so this stays one object and the double changes."""

    fake: FakeKsr | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self.fake is None:
            raise AssertionError(f"KSR.{name} is used while no double is installed")
        return getattr(self.fake, name)


_slot = _Slot("KSR")


@contextmanager
def install(fake: FakeKsr | None = None) -> Iterator[FakeKsr | None]:
    """Be `KSR` to whatever imports it meanwhile; without a double, only so that it can be imported.

    On the way out everything is as before, and a fault that the code under test swallowed is raised again.
    """
    before, fake_before = sys.modules.get("KSR"), _slot.fake
    sys.modules["KSR"], _slot.fake = _slot, fake
    try:
        yield fake
    finally:
        _slot.fake = fake_before
        if before is None:
            del sys.modules["KSR"]
        else:
            sys.modules["KSR"] = before
    if fake is not None and fake.faults:
        raise AssertionError("\n".join(fake.faults))
