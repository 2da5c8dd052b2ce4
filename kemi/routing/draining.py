"""A node that drains takes no new calls, and ends the others in peace."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from kemi.accounts.directory import Directory
from kemi.accounts.model import DomainSettings
from kemi.errors import NodeDrains
from kemi.sip.feature_code import is_code, parse_pickup_code
from kemi.sip.headers import REPLACING
from kemi.sip.ports import Message


class Drain(IntEnum):
    """How far a node is on its way out: `draining` in kamailio.cfg, set by `star87 drain` and `star87 run`."""

    NO = 0
    YES = 1
    LAST = 2
    """What still rings is being ended."""


class Draining:
    """Read once for each request that begins a call, and when a call's branches have failed."""

    def __init__(self, state: Callable[[], int]) -> None:
        self._state = state

    def is_on(self) -> bool:
        return self._state() != Drain.NO

    def is_ending(self) -> bool:
        return self._state() == Drain.LAST

    def check(self, message: Message, directory: Directory) -> None:
        """Raises NodeDrains (503) for an INVITE that begins a call, before anybody is asked for a password.

        A pickup ends what rings here and a Replaces goes on with a call that is here; so both pass.
        """
        if (
            self.is_on()
            and not any(message.has_header(name) for name in REPLACING)
            and not _is_code(message, directory)
        ):
            raise NodeDrains("this node takes no new calls")

    def check_probe(self) -> None:
        """Raises NodeDrains (503) for OPTIONS: so those who send calls here find out."""
        if self.is_on():
            raise NodeDrains("this node takes no new calls")


def _is_code(message: Message, directory: Directory) -> bool:
    settings = directory.settings(message.ruri_host)
    return settings is not None and is_feature_code(message.ruri_user, settings)


def is_feature_code(user: str, settings: DomainSettings) -> bool:
    """Whether what was dialled is a code of the domain's."""
    return parse_pickup_code(user, settings.pickup_code) is not None or any(
        is_code(user, code) for code in (settings.agent_login_code, settings.agent_logout_code)
    )
