"""What an extension dials to have something done: pick up a call, log in to its groups, log out."""

from __future__ import annotations

from collections.abc import Callable

from kemi.accounts.directory import Directory
from kemi.accounts.model import DomainSettings
from kemi.errors import MethodNotAllowed, NotAuthorized
from kemi.pickup.service import PickupService
from kemi.queueing.queue import Duty
from kemi.queueing.service import Queueing
from kemi.sip.aor import Aor
from kemi.sip.feature_code import is_code, parse_pickup_code
from kemi.sip.headers import warning
from kemi.sip.ports import Message, Transaction


class FeatureCodes:
    """The codes of a domain's settings, as its authenticated extensions dial them."""

    def __init__(
        self, directory: Callable[[], Directory], transaction: Transaction, pickup: PickupService, queueing: Queueing
    ) -> None:
        self._directory = directory
        self._transaction = transaction
        self._pickup = pickup
        self._queueing = queueing

    def carry_out(self, message: Message, caller: Aor, settings: DomainSettings) -> bool:
        """Do what the dialled code says; False when none was dialled."""
        pickup = parse_pickup_code(message.ruri_user, settings.pickup_code)
        duty = next((d for d, code in _duty_codes(settings) if is_code(message.ruri_user, code)), None)
        if pickup is None and duty is None:
            return False
        if message.method != "INVITE":
            raise MethodNotAllowed("a feature code takes INVITE only")
        if pickup is not None:
            self._pickup.begin(message, caller, pickup)
        elif duty is not None:
            self._report_for_duty(caller, duty)
        return True

    def _report_for_duty(self, agent: Aor, duty: Duty) -> None:
        """Log an agent in or out. The phone shows the reason: a proxy has no voice to say it with."""
        groups = [g.number for g in self._directory().agent_groups(agent.domain) if agent.number in g.agents]
        if not groups:
            raise NotAuthorized(f"{agent.number} is no agent of any group")
        self._queueing.set_duty(agent.domain, agent.number, duty)
        reason = "Logged In" if duty is Duty.IN else "Logged Out"
        self._transaction.reply(480, reason, (warning("star87", f"{reason}: {', '.join(groups)}"),))


def _duty_codes(settings: DomainSettings) -> tuple[tuple[Duty, str], ...]:
    return (Duty.IN, settings.agent_login_code), (Duty.OUT, settings.agent_logout_code)
