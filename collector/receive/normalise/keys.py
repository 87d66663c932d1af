"""How dialects tell us which of their keys means what: places, ranks and plain readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class Slot:
    """What a key can say about a span. The first rows are columns, the rest hint at the op.

    Plain integers: an IntEnum as a list index costs a span 2 of its 6 microseconds.
    """

    AGENT_NAME = 0
    AGENT_ID = 1
    CONVERSATION_ID = 2
    TOOL_NAME = 3
    TOOL_CALL_ID = 4
    MODEL = 5
    PROVIDER = 6
    INPUT_TOKENS = 7
    OUTPUT_TOKENS = 8
    COST_USD = 9
    ERROR_TYPE = 10
    AGENT_VERSION = 11
    WORKFLOW = 12
    CACHE_READ_TOKENS = 13
    CACHE_WRITE_TOKENS = 14
    REASONING_TOKENS = 15
    OPERATION = 16
    OPENINFERENCE_KIND = 17
    TRACELOOP_KIND = 18
    TRACELOOP_ENTITY = 19
    MCP_METHOD = 20
    A2A_METHOD = 21
    AG2_KIND = 22
    GRAPH_NODE = 23
    AGT_KIND = 24
    AGT_IDENTITY = 25
    TASK_SUCCESS = 26
    COUNT = 27


# A key's place: the slot it fills and its rank there; the lowest rank wins.
Place = tuple[int, int]


def places(slot: int, keys: Iterable[str], start: int) -> dict[str, Place]:
    """The keys of one slot in their order of preference, ranked from `start`."""
    return {key: (slot, start + offset) for offset, key in enumerate(keys)}


def text(value: Any) -> str | None:
    """A non-empty text, or None; numbers are written out, lists and maps are not text."""
    if type(value) is str:
        return value or None
    if value is None or isinstance(value, bool | list | dict | bytes):
        return None
    return str(value)


def whole(value: Any) -> int | None:
    """A count as an integer; whatever is not one, or negative, is not measured."""
    if type(value) is int:
        return value if 0 <= value < 2**63 else None
    number = real(value)
    if number is None or not 0 <= number < 2**63:
        return None
    return int(number)


def real(value: Any) -> float | None:
    """A finite number, also when sent as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if number - number == 0 else None


def first(attributes: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    """The text of the first of these keys that has one."""
    for key in keys:
        found = text(attributes.get(key))
        if found is not None:
            return found
    return None
