"""The calls that ring from a node, without Kamailio."""

from __future__ import annotations


class FakeOwnCalls:
    """Implements kemi.dialogs.own_calls.OwnCalls."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._early: dict[str, str] = {}

    def note(self, name: str, words: str) -> None:
        self._words[name] = words

    def renew(self, name: str, words: str) -> None:
        self._early.pop(name, None)
        if name in self._words:
            self.note(name, words)

    def relay(self, name: str, words: str) -> None:
        self._early[name] = words

    def fail(self, name: str, branch: int) -> None:
        if self._early.get(name, "").startswith(f"{branch} "):
            del self._early[name]

    def let_go(self, name: str) -> None:
        self._words.pop(name, None)
        self._early.pop(name, None)

    def find(self, name: str) -> tuple[str, str]:
        return self._words.get(name, ""), self._early.get(name, "")

    def names(self) -> list[str]:
        return list(self._words)
