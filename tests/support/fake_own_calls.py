"""The calls that ring from a node, without Kamailio."""

from __future__ import annotations


class FakeOwnCalls:
    """Implements kemi.dialogs.own_calls.OwnCalls. `longest_s`: how long each is noted at most."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self.longest_s: dict[str, int] = {}

    def note(self, name: str, words: str, longest_s: int) -> None:
        self._words[name], self.longest_s[name] = words, longest_s

    def renew(self, name: str, words: str, longest_s: int) -> None:
        if name in self._words:
            self.note(name, words, longest_s)

    def add(self, name: str, words: str) -> None:
        if name in self._words:
            self._words[name] += words

    def let_go(self, name: str) -> None:
        self._words.pop(name, None)

    def find(self, name: str) -> str:
        return self._words.get(name, "")

    def names(self) -> list[str]:
        return list(self._words)
