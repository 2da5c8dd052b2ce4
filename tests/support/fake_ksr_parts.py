"""What the double of KSR knows of Kamailio 5.6.3's functions.

Every class is one module of KSR, every public method one of its functions; the contract test holds their names
and numbers of parameters against the real surface. Return values are those that Kamailio was seen to give.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from tests.support.fake_ksr_state import Branch, Header, Part, Xval, same_header, yes
from tests.support.fake_ksr_tables import Htable
from tests.support.fake_ksr_transaction import Registrar, Sl, Tm, Tmx

if TYPE_CHECKING:
    from tests.support.fake_ksr import FakeKsr

_HEADER_LINES = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*:[^\r\n]*\r\n)+")
_HIGHEST_FLAG = 31


class Core(Part):
    def dbg(self, text: str) -> None:
        self._fake.logged.append(("dbg", text))

    def info(self, text: str) -> None:
        self._fake.logged.append(("info", text))

    def notice(self, text: str) -> None:
        self._fake.logged.append(("notice", text))

    def warn(self, text: str) -> None:
        self._fake.logged.append(("warn", text))

    def err(self, text: str) -> None:
        self._fake.logged.append(("err", text))

    def crit(self, text: str) -> None:
        self._fake.logged.append(("crit", text))

    def is_method(self, method: str) -> bool:
        return self._fake.variables.read("$rm") == method

    def force_rport(self) -> bool:
        return True

    def setflag(self, flag: int) -> bool:
        if 0 <= flag <= _HIGHEST_FLAG:
            self._fake.message.flags.add(flag)
        return 0 <= flag <= _HIGHEST_FLAG

    def resetflag(self, flag: int) -> bool:
        self._fake.message.flags.discard(flag)
        return 0 <= flag <= _HIGHEST_FLAG

    def isflagset(self, flag: int) -> bool:
        return flag in self._fake.message.flags

    def seturi(self, uri: str) -> bool:
        return self._fake.variables.write("$ru", uri)

    def setdsturi(self, uri: str) -> bool:
        return self._fake.variables.write("$du", uri)

    def resetdsturi(self) -> bool:
        return self._fake.variables.write("$du", None)


class Pv(Part):
    def get(self, name: str) -> Xval:
        return self._fake.variables.read(name)

    def gete(self, name: str) -> Xval:
        value = self._fake.variables.read(name)
        return "" if value is None else value

    def getw(self, name: str) -> Xval:
        value = self._fake.variables.read(name)
        return "<null>" if value is None else value

    def getvs(self, name: str, otherwise: str) -> Xval:
        value = self._fake.variables.read(name)
        return otherwise if value is None else value

    def getvn(self, name: str, otherwise: int) -> Xval:
        value = self._fake.variables.read(name)
        return otherwise if value is None else value

    def is_null(self, name: str) -> bool:
        return self._fake.variables.read(name) is None

    def sets(self, name: str, value: str) -> bool:
        return self._fake.variables.write(name, value)

    def seti(self, name: str, value: int) -> bool:
        return self._fake.variables.write(name, value)

    def unset(self, name: str) -> bool:
        return self._fake.variables.write(name, None)


class Pvx(Part):
    def avp_get(self, name: str) -> Xval:
        return self._fake.variables.read(f"$avp({name})")

    def avp_sets(self, name: str, value: str) -> int:
        return int(self._fake.variables.write(f"$avp({name})", value))

    def avp_seti(self, name: str, value: int) -> int:
        return int(self._fake.variables.write(f"$avp({name})", value))

    def avp_rm(self, name: str) -> int:
        return int(self._fake.variables.write(f"$avp({name})", None))

    def avp_is_null(self, name: str) -> int:
        return yes(self._fake.variables.read(f"$avp({name})") is None)

    def shv_get(self, name: str) -> Xval:
        return self._fake.variables.read(f"$shv({name})")

    def shv_sets(self, name: str, value: str) -> int:
        return int(self._fake.variables.write(f"$shv({name})", value))


class Hdr(Part):
    def get(self, name: str) -> Xval:
        return self._fake.variables.read(f"$hdr({name})")

    def get_idx(self, name: str, index: int) -> Xval:
        return self._fake.variables.read(f"$(hdr({name})[{index}])")

    def is_present(self, name: str) -> int:
        return yes(any(same_header(present, name) for present, _ in self._fake.headers()))

    def append(self, lines: str) -> int:
        self._fake.message.appended += self._header_lines("hdr.append", lines)
        return 1

    def remove(self, name: str) -> int:
        # It removes what was received, not what was appended since.
        self._fake.message.removed.append(name)
        return 1

    def append_to_reply(self, lines: str) -> int:
        self._fake.message.reply_headers += self._header_lines("hdr.append_to_reply", lines)
        return 1

    def _header_lines(self, call: str, text: str) -> list[Header]:
        # Kamailio takes any text; what is no whole line runs into the header that follows it.
        if not _HEADER_LINES.fullmatch(text):
            self._fake.fail(f"KSR.{call}({text!r}): not whole header lines, each ended by CR LF")
        pairs = (line.split(":", 1) for line in text.split("\r\n")[:-1])
        return [(name.strip(), value.strip()) for name, value in pairs]


class Textops(Part):
    def is_present_hf(self, name: str) -> int:
        return Hdr(self._fake).is_present(name)

    def remove_hf(self, name: str) -> int:
        return Hdr(self._fake).remove(name)


class Textopsx(Part):
    def msg_apply_changes(self) -> int:
        if self._fake.callback != "request" or self._fake.message.record_routed:
            return -1
        self._fake.message.apply_changes()
        return 1


class Siputils(Part):
    def is_request(self) -> int:
        return yes(self._fake.callback != "reply")

    def is_reply(self) -> int:
        return yes(self._fake.callback == "reply")


class Rr(Part):
    def record_route(self) -> int:
        if self._fake.message.record_routed:
            return -1
        self._fake.message.record_routed = True
        return 1


class Corex(Part):
    def append_branch_uri(self, uri: str) -> int:
        self._fake.message.branches.append(Branch(uri))
        return 1


PARTS: Mapping[str, type[Part]] = {
    "": Core, "corex": Corex, "hdr": Hdr, "htable": Htable, "pv": Pv, "pvx": Pvx, "registrar": Registrar, "rr": Rr,
    "siputils": Siputils, "sl": Sl, "textops": Textops, "textopsx": Textopsx, "tm": Tm, "tmx": Tmx,
}  # fmt: skip
METHODS = (
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "PRACK",
    "UPDATE",
    "REFER",
    "NOTIFY",
    "INFO",
)


def models_of(fake: FakeKsr) -> Iterator[tuple[str, Callable[..., Xval]]]:
    """Path below KSR and model of every function that the double has."""
    for module, part in PARTS.items():
        for name, model in inspect.getmembers(part(fake), inspect.ismethod):
            if not name.startswith("_"):
                yield f"{module}.{name}" if module else name, model
    for method in METHODS:
        yield f"is_{method}", partial(Core(fake).is_method, method)
