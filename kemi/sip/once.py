"""A value that is worked out when it is first asked for, and kept with its object.

functools.cached_property of Python 3.11 takes a lock for it, which costs more than most of what is read of a message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801 - it reads as property does
    """Decorates a method without arguments; its object must have a `__dict__`."""

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self._name = work_out.__name__
        self.__doc__ = work_out.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        # The instance's own entry goes before this class's: it is not asked a second time.
        value = instance.__dict__[self._name] = self._work_out(instance)
        return value
