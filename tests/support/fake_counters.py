"""A double of kemi.abuse.counters.Counters: in memory, with a clock that the test moves."""

from __future__ import annotations


class Clock:
    """Seconds, as long as the test likes."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class FakeCounters:
    def __init__(self, clock: Clock, *, room: int = 1_000_000) -> None:
        self._clock = clock
        self._room = room
        self._kept: dict[str, tuple[int, float]] = {}
        """Number of each name, and when it is forgotten."""

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, name: str, *, keep_s: int) -> int:
        assert keep_s > 0
        number = self.value(name)
        if not number and len(self._kept) >= self._room:
            return 0
        until = self._kept[name][1] if number else self._clock() + keep_s
        self._kept[name] = (number + 1, until)
        return number + 1

    def take(self, name: str) -> None:
        if self.value(name) > 0:
            number, until = self._kept[name]
            self._kept[name] = (number - 1, until)

    def value(self, name: str) -> int:
        assert name.isascii(), "a name is short and plain, whatever a peer has written"
        assert len(name) <= 20
        number, until = self._kept.get(name, (0, 0.0))
        return number if self._clock() <= until else 0

    def put(self, name: str, number: int, *, keep_s: int) -> None:
        assert 0 <= number < 1 << 31, "Kamailio keeps signed 32 bits"
        assert keep_s > 0
        self._kept[name] = (number, self._clock() + keep_s)

    def drop(self, name: str) -> None:
        self._kept.pop(name, None)
