"""What the double of KSR knows of tm, tmx, sl and registrar: replies, relays, contacts."""

from __future__ import annotations

import re
from typing import cast

from tests.support.fake_ksr_state import Branch, Part, Registered, Relay, yes


class Sl(Part):
    def send_reply(self, status: int, reason: str) -> int:
        if self._fake.transaction.created is None:
            return self.sl_send_reply(status, reason)
        return Tm(self._fake).t_reply(status, reason)

    def sl_send_reply(self, status: int, reason: str) -> int:
        self._fake.send_reply(status, reason, stateful=False)
        return 1


class Tm(Part):
    def t_newtran(self) -> int:
        if self._fake.transaction.created is not None:
            return -10
        self._fake.transaction.created = self._fake.message.copy()
        return 1

    def t_check_trans(self) -> int:
        if self._fake.transaction.created is None:
            # A retransmission, an ACK and a CANCEL find the transaction of another message: the test knows.
            self._fake.fail("KSR.tm.t_check_trans(): the test does not say what Kamailio answers")
        return 0 if self._fake.callback == "request" else 1

    def t_reply(self, status: int, reason: str) -> int:
        transaction = self._fake.transaction
        if transaction.created is None or transaction.final:
            return -1
        self._fake.send_reply(status, reason, stateful=True)
        transaction.final = status >= 200
        return 1

    def t_send_reply(self, status: int, reason: str) -> int:
        self.t_newtran()
        return self.t_reply(status, reason)

    def t_relay(self) -> int:
        fake, message, transaction = self._fake, self._fake.message, self._fake.transaction
        if fake.callback not in ("request", "failure"):
            fake.fail(f"KSR.tm.t_relay() in a {fake.callback} callback")
        if transaction.final:
            fake.fail("KSR.tm.t_relay() after the final answer: Kamailio sends it, and nobody waits for it")
        if fake.callback == "request" and transaction.relayed:
            return -1
        self.t_newtran()
        assert transaction.created is not None
        transaction.created.appended = list(message.appended)
        transaction.created.removed = list(message.removed)
        uri = fake.variables.read("$ru")
        fake.relays.append(
            Relay(
                uri=str(uri),
                dst_uri=cast("str | None", message.variables.get("$du")),
                send_socket=cast("str | None", message.variables.get("$fs")),
                appended=message.headers_added(),
                removed=(*message.applied_removed, *message.removed),
                branches=tuple(message.branches),
                on_failure=transaction.armed["failure"],
                on_branch=transaction.armed["branch"],
                on_reply=transaction.armed["reply"],
                timers_ms=transaction.timers_ms,
            )
        )
        message.branches = []
        transaction.relayed = True
        return 1

    def t_on_failure(self, callback: str) -> int:
        self._fake.transaction.armed["failure"] = callback
        return 1

    def t_on_branch(self, callback: str) -> int:
        self._fake.transaction.armed["branch"] = callback
        return 1

    def t_on_reply(self, callback: str) -> int:
        self._fake.transaction.armed["reply"] = callback
        return 1

    def t_set_fr(self, fr_inv_ms: int, fr_ms: int) -> int:
        self._fake.transaction.timers_ms = (fr_inv_ms, fr_ms)
        return 1

    def t_set_max_lifetime(self, inv_ms: int, noninv_ms: int) -> int:  # noqa: ARG002
        return 1

    def t_set_disable_6xx(self, on: int) -> int:  # noqa: ARG002
        return 1

    def t_check_status(self, pattern: str) -> int:
        return yes(re.search(pattern, str(self._fake.known_status("t_check_status"))) is not None)

    def t_get_status_code(self) -> int:
        return self._fake.known_status("t_get_status_code")


class Tmx(Part):
    def t_is_request_route(self) -> int:
        return yes(self._fake.callback == "request")

    def t_is_failure_route(self) -> int:
        return yes(self._fake.callback == "failure")

    def t_is_reply_route(self) -> int:
        return yes(self._fake.callback == "reply")

    def t_is_branch_route(self) -> int:
        return yes(self._fake.callback == "branch")

    def t_suspend(self) -> int:
        if self._fake.transaction.final:
            return -1
        Tm(self._fake).t_newtran()
        self._fake.suspensions += 1
        return 1

    def t_continue(self, index: int, label: int, callback: str) -> int:
        if (index, label) not in self._fake.elsewhere:
            return -1
        self._fake.continued.append((index, label, callback))
        return 1


class Registrar(Part):
    def lookup(self, table: str) -> int:
        return self.lookup_uri(table, str(self._fake.variables.read("$ru")))

    def lookup_uri(self, table: str, uri: str) -> int:
        contacts = self._fake.registered(table, uri)
        if not contacts:
            return -1
        first = contacts[0]
        own = self._fake.message.variables
        own["$ru"], own["$du"] = first.addr, first.dst_uri
        if first.socket:
            own["$fs"] = first.socket
        self._fake.message.branches += [_branch(contact) for contact in contacts[1:]]
        return 1

    def lookup_to_dset(self, table: str, uri: str) -> int:
        contacts = self._fake.registered(table, uri or str(self._fake.variables.read("$ru")))
        self._fake.message.branches += [_branch(contact) for contact in contacts]
        return yes(bool(contacts))

    def registered(self, table: str) -> int:
        return self.registered_uri(table, str(self._fake.variables.read("$ru")))

    def registered_uri(self, table: str, uri: str) -> int:
        return yes(bool(self._fake.registered(table, uri)))

    def reg_fetch_contacts(self, table: str, uri: str, profile: str) -> int:
        contacts = self._fake.registered(table, uri)
        if contacts:
            self._fake.variables.fetched[profile] = (uri.removeprefix("sip:"), list(contacts))
        return yes(bool(contacts))

    def reg_free_contacts(self, profile: str) -> int:
        self._fake.variables.fetched.pop(profile, None)
        return 1


def _branch(contact: Registered) -> Branch:
    return Branch(contact.addr, contact.dst_uri, contact.path or None, contact.socket or None, contact.ruid or None)
