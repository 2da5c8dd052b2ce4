"""A phone's lamp key: it subscribes to an account (`Event: dialog`), is told, and picks up with a Replaces."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from tests.support.phone import Headers, Phone
from tests.support.phone_calls import WITHIN_S, Outgoing
from tests.support.sip_text import SipMessage

SCHEMA = etree.XMLSchema(etree.parse(str(Path(__file__).with_name("dialog-info.xsd"))))
_NAMESPACE = "{urn:ietf:params:xml:ns:dialog-info}"


@dataclass(frozen=True, slots=True)
class ShownDialog:
    state: str
    call_id: str
    local_tag: str
    remote_tag: str
    direction: str
    remote: str
    """URI of the other end; '' when nothing is said of it."""
    remote_name: str
    target: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A document, which obeys the schema of RFC 4235 §4.4."""

    version: int
    entity: str
    dialogs: tuple[ShownDialog, ...]

    @classmethod
    def parse(cls, text: str) -> Shown:
        root = etree.fromstring(text.encode())
        SCHEMA.assertValid(root)
        assert root.get("state") == "full"
        return cls(int(root.attrib["version"]), str(root.attrib["entity"]), tuple(map(_dialog, root)))

    @property
    def states(self) -> list[str]:
        return [dialog.state for dialog in self.dialogs]


def _dialog(element: etree._Element) -> ShownDialog:
    remote = element.find(f"{_NAMESPACE}remote")
    identity = None if remote is None else remote.find(f"{_NAMESPACE}identity")
    target = None if remote is None else remote.find(f"{_NAMESPACE}target")
    return ShownDialog(
        element.findtext(f"{_NAMESPACE}state") or "",
        element.get("call-id", ""),
        element.get("local-tag", ""),
        element.get("remote-tag", ""),
        element.get("direction", ""),
        "" if identity is None else identity.text or "",
        "" if identity is None else identity.get("display", ""),
        "" if target is None else target.get("uri", ""),
    )


class LampKey:
    """One key of a phone. `state` is the last Subscription-State, `shown` the last document, `told` all documents."""

    def __init__(self, phone: Phone, number: str) -> None:
        self.phone, self.number = phone, number
        self.call_id, self.tag = secrets.token_hex(8), secrets.token_hex(4)
        self.aor = f"sip:{number}@{phone.domain}"
        self.state = ""
        self.told: list[Shown] = []
        self.notifies: list[SipMessage] = []
        self.may_leave_out = False
        """Whether its node was ended meanwhile: what it has written down and not said is left out."""
        self._to, self._uri, self._cseq = f"<{self.aor}>", self.aor, 0

    @property
    def shown(self) -> Shown:
        return self.told[-1]

    def subscribes(self, expires: int | None = 300, *, event: str = "dialog", headers: Headers = ()) -> SipMessage:
        """The final answer to a SUBSCRIBE, in the dialog if there is one; one challenge is answered."""
        extra = [("Event", event), ("To", self._to), *headers]
        if expires is not None:
            extra.append(("Expires", str(expires)))
        for _ in range(2):
            self._cseq += 1
            via = self.phone.via()
            self.phone.sends(
                self.phone.requests(
                    "SUBSCRIBE", self._uri, call_id=self.call_id, tag=self.tag, cseq=self._cseq, via=via, headers=extra
                )
            )
            answer = self.phone.answer_to(via)
            if answer.status != 407:
                break
            extra.append(self.phone.proves(answer, "SUBSCRIBE", self._uri))
        if answer.status == 200:
            self._to, self._uri = answer["To"], answer.contact
        return answer

    def hears(self, *, answers: int = 200, within_s: float = WITHIN_S) -> Shown:
        """The next NOTIFY of this subscription, answered."""
        notify = self.phone.gets("NOTIFY", self.call_id, within_s)
        self.phone.replies(notify, answers)
        assert (notify["Content-Type"], notify["Event"].partition(";")[0]) == ("application/dialog-info+xml", "dialog")
        assert (notify.tag("To"), notify["From"]) == (self.tag, self._to)
        shown = Shown.parse(notify.body)
        assert shown.entity == self.aor
        if self.told:
            left_out = shown.version - self.shown.version - 1
            assert left_out == 0 or (left_out == 1 and self.may_leave_out), "versions grow by one (RFC 4235 §4.1)"
        self.state = notify["Subscription-State"]
        self.told.append(shown)
        self.notifies.append(notify)
        return shown

    def waits_for(self, what: Callable[[Shown], bool], named: str, within_s: float = WITHIN_S) -> Shown:
        """The first NOTIFY whose document satisfies `what`; the ones before are answered too."""
        while not what(shown := self.hears(within_s=within_s)):
            assert len(self.told) < 50, f"no {named}"
        return shown

    def lights(self, state: str = "early") -> Shown:
        return self.waits_for(lambda shown: state in shown.states, f"lamp of state {state}")

    def goes_dark(self) -> Shown:
        return self.waits_for(lambda shown: not shown.dialogs, "dark lamp")

    def picks_up(self, dialog: ShownDialog) -> Outgoing:
        """Pressed: an INVITE to the remote target, with the Replaces that the document says (RFC 3891 §3)."""
        value = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
        target = dialog.target.removeprefix("sip:").removesuffix(f"@{self.phone.domain}")
        return self.phone.dials(target, headers=[("Replaces", value)])


def watching(phone: Phone, number: str, *, expires: int = 300) -> LampKey:
    """A key that has subscribed and was told the present state."""
    key = LampKey(phone, number)
    answer = key.subscribes(expires)
    assert answer.status == 200, answer.start
    key.hears()
    return key
