"""Phones at addresses of their own, so that what one source does is not another's doing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tests.support.phone import PASSWORD, Phone
from tests.support.sip_text import SipMessage

_given = itertools.count(1)


def address() -> str:
    """A loopback address that no other test of this process has."""
    number = next(_given)
    return f"127.87.{number // 250}.{number % 250 + 1}"


class Elsewhere(Phone):
    """A phone at `ip`; several may be behind one."""

    def __init__(self, proxy: str, number: str, *, domain: str, ip: str = "", password: str = PASSWORD) -> None:
        self.ip = ip or address()
        super().__init__(proxy, number, domain=domain, password=password, host=self.ip)

    def asks_once(self, method: str, uri: str = "", *, to: str = "", headers: Sequence[tuple[str, str]] = ()) -> str:
        """Send a request without credentials; returns its Via."""
        via = self.via()
        self.sends(self.requests(method, uri or f"sip:{self.domain}", to=to, via=via, headers=headers))
        return via

    def statuses(self) -> list[int]:
        """The final answers that have come by now and that nobody has asked for, in their order."""
        self.hears()
        return [message.status for message in self.inbox if message.status >= 200]

    def answered(self, via: str) -> SipMessage | None:
        """The final answer to one request, if it has come by now."""
        self.hears()
        branch = via.split("branch=")[1].partition(";")[0]
        return next((m for m in self.inbox if m.status >= 200 and branch in m["Via"]), None)
