"""Values as one line of JSON: how the worker keeps notes with a transaction, and records in the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

pack: Callable[[Sequence[Any]], str] = json.JSONEncoder(separators=(",", ":"), default=attrgetter("value")).encode
"""A list of values, in ASCII; of an enumeration's member its value.

Made once: json.dumps makes a new encoder for other separators than its own.
"""

unpack: Callable[[str], Any] = json.JSONDecoder().decode
