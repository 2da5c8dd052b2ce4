"""YAML text to plain values, with what yaml.safe_load would pass over in silence.

Values are those of yaml.safe_load. It is done from the parser's events instead, because a second value for
a key would be lost otherwise, because each fault needs its path, and because the C composer ends the whole
process on deep nesting. It is also ten times as quick on a large document: no tree of nodes is built.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.reader import Reader

from kemi.accounts.faults import Fault, path_of, shown

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Steps = tuple[int | str, ...]

_MAX_DEPTH = 20
_TAG = "tag:yaml.org,2002:"
_TEXT, _MERGE = _TAG + "str", _TAG + "merge"
_SCALARS = {_TAG + name for name in ("int", "float", "bool", "null", "timestamp", "binary")}


@dataclass(slots=True)
class Source:
    """What was read: `value` as yaml.safe_load gives it, None when a syntax error left nothing."""

    value: object = None
    faults: list[Fault] = field(default_factory=list)
    complete: bool = False
    """False: a syntax error hides the rest, `value` means nothing."""
    spelling: dict[str, str] = field(default_factory=dict)
    """Path → how a value that is no text was written, where str() of it is something else (0101 is 65)."""


def read(text: str) -> Source:
    """Read one YAML document; never raises."""
    source = Source()
    # A lone surrogate is in no UTF-8 file, but a str can hold one and the C parser cannot.
    odd = Reader.NON_PRINTABLE.search(text)
    if odd:
        source.faults.append(_at(text, odd.start(), f"character {odd.group()!a} is not allowed; remove it"))
        return source
    loader = _Loader(text)
    try:
        _Composer(loader, source).compose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "document"
        what = ", ".join(part for part in (error.context, error.problem) if part)
        source.faults.append(Fault(place, f"this is no YAML: {what}; check indentation, quotes and brackets"))
    except yaml.YAMLError as error:
        source.faults.append(Fault("document", f"this is no YAML: {error}"))
    finally:
        loader.dispose()
    return source


def _at(text: str, position: int, message: str) -> Fault:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return Fault(f"line {line}, column {column}", message)


class _TooDeep(yaml.MarkedYAMLError):
    pass


class _Composer:
    def __init__(self, loader: Any, source: Source) -> None:
        self._loader = loader
        self._source = source
        self._anchors: dict[str, object] = {}

    def compose(self) -> None:
        loader, source = self._loader, self._source
        loader.get_event()
        if loader.check_event(yaml.StreamEndEvent):
            source.faults.append(Fault("document", 'is empty; begin with "version: 1" and "domains:"'))
            return
        loader.get_event()
        source.value = self._value((), loader.get_event())
        loader.get_event()
        if not loader.check_event(yaml.StreamEndEvent):
            mark = loader.get_event().start_mark
            source.faults.append(
                Fault(
                    f"line {mark.line + 1}, column {mark.column + 1}",
                    'a second document begins; remove "---"',
                )
            )
        source.complete = True

    def _fault(self, steps: Steps, message: str) -> None:
        self._source.faults.append(Fault(path_of(steps), message))

    def _value(self, steps: Steps, event: Any, depth: int = 0) -> object:
        value: object
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(steps, event)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in self._anchors:
                return self._anchors[event.anchor]
            self._fault(steps, f"*{event.anchor} is no anchor above this line; define it before its use")
            return None
        elif depth == _MAX_DEPTH:
            raise _TooDeep(problem=f"nested deeper than {_MAX_DEPTH} levels", problem_mark=event.start_mark)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(steps, event, "seq")
            value = self._sequence(steps, depth)
        else:
            self._check_tag(steps, event, "map")
            value = self._mapping(steps, depth)
        if event.anchor:
            self._anchors[event.anchor] = value
        return value

    def _sequence(self, steps: Steps, depth: int) -> list[object]:
        values: list[object] = []
        while not isinstance(event := self._loader.get_event(), yaml.SequenceEndEvent):
            values.append(self._value((*steps, len(values)), event, depth + 1))
        return values

    def _mapping(self, steps: Steps, depth: int) -> dict[str, object]:
        values: dict[str, object] = {}
        merged: list[object] = []
        while not isinstance(event := self._loader.get_event(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._fault(steps, "a key must be plain text; write it as one word")
                self._value(steps, event, depth + 1)
                self._value(steps, self._loader.get_event(), depth + 1)
                continue
            key, tag = event.value, self._tag(event)
            below = (*steps, key)
            value = self._value(below, self._loader.get_event(), depth + 1)
            if tag == _MERGE:
                merged.extend(value if isinstance(value, list) else [value])
            elif key in values:
                self._fault(below, "is given twice; keep one of the two")
            else:
                values[key] = value
                if tag != _TEXT:
                    self._fault(below, f"quote this key: write {shown(key)}, YAML takes it for no text otherwise")
        for other in merged:
            if isinstance(other, dict):
                values = other | values
            else:
                self._fault((*steps, "<<"), "must name a mapping; write <<: *anchor")
        return values

    def _tag(self, event: Any) -> str:
        if event.tag not in (None, "!"):
            return str(event.tag)
        if not event.implicit[0]:
            return _TEXT
        return str(self._loader.resolve(yaml.ScalarNode, event.value, event.implicit))

    def _scalar(self, steps: Steps, event: Any) -> object:
        tag = self._tag(event)
        if tag == _TEXT:
            return event.value
        if tag not in _SCALARS:
            self._fault(steps, f"the tag {shown(tag)} is not known here; remove it")
            return event.value
        try:
            value: object = self._loader.yaml_constructors[tag](self._loader, yaml.ScalarNode(tag, event.value))
        except (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError):
            # PyYAML trusts an explicit tag: `!!bool maybe` is a KeyError, `!!timestamp soon` an AttributeError.
            self._fault(steps, f"{shown(event.value)} is no {tag.removeprefix(_TAG)}; write it in quotes")
            return event.value
        if value is not None and str(value) != event.value:
            self._source.spelling[path_of(steps)] = event.value
        return value

    def _check_tag(self, steps: Steps, event: Any, usual: str) -> None:
        if event.tag not in (None, "!", _TAG + usual):
            self._fault(steps, f"the tag {shown(event.tag)} is not known here; remove it")
