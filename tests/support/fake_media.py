"""A double of the media relay: strict, and recording what it was asked."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.fake_sip import FakeMessage


class FakeMediaProxy:
    """Implements kemi.routing.media.MediaProxy; `asked` has every request with what it was about."""

    def __init__(self, message: Callable[[], FakeMessage]) -> None:
        self._message = message
        self.asked: list[tuple[str, str, str, bool]] = []
        """Offer or answer, method or status, branch, whether with ICE."""
        self.deleted: list[str] = []

    def offer(self, branch: str, *, ice: bool) -> None:
        self._describe("offer", branch, ice)

    def answer(self, branch: str, *, ice: bool) -> None:
        self._describe("answer", branch, ice)

    def delete_branch(self, branch: str) -> None:
        assert branch, "a branch has a name"
        assert self._message().status == 0 or self._message().status >= 200, "a provisional reply ends nothing"
        self.deleted.append(branch)

    def delete_dialog(self) -> None:
        assert self._message().to_tag, "a request outside of a dialog ends none"
        self.deleted.append("dialog")

    def delete_call(self) -> None:
        assert not self._message().status, "a reply ends no call"
        self.deleted.append("call")

    def _describe(self, what: str, branch: str, ice: bool) -> None:
        message = self._message()
        assert message.body, "there is nothing to describe"
        assert not (branch and message.to_tag and not message.status), "inside a dialog there is one branch"
        self.asked.append((what, str(message.status or message.method), branch, ice))
