"""What many spans mean, column by column.

Most columns are one attribute's value and are taken over as they stand. The others (op,
dialect, names, error) depend on few texts, and the same texts come again and again: one
span of each kind is asked, and its answer holds for all of its kind. A span that is not
plain (events, verdicts, values that are no text or number) is left to be read alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.receive.attributes import Attributes, Kind
from collector.receive.lockstep import Flags, Ints
from collector.receive.normalise import FACT_KEYS as VERDICTS
from collector.receive.normalise import Meaning
from collector.receive.normalise.agt import DIALECT as AGT
from collector.receive.normalise.keys import Slot, real, whole
from collector.receive.normalise.spans import KEYS, MARKERS
from collector.store.batch import SCHEMAS

__all__ = ["Meant", "meanings_of"]

Columns: TypeAlias = dict[str, pa.Array]
# What one span means, from its row and those of its attributes that could mean something.
Ask: TypeAlias = Callable[[int, dict[str, Any]], Meaning]

_NOWHERE = -1
_ASKED = ("op", "dialect", "agent_name", "tool_name", "provider", "error_type")
_TAKEN = {
    "conversation_id": Slot.CONVERSATION_ID,
    "tool_call_id": Slot.TOOL_CALL_ID,
    "model": Slot.MODEL,
    "agent_version": Slot.AGENT_VERSION,
    "workflow": Slot.WORKFLOW,
}
_COUNTED = {
    "input_tokens": Slot.INPUT_TOKENS,
    "output_tokens": Slot.OUTPUT_TOKENS,
    "cache_read_tokens": Slot.CACHE_READ_TOKENS,
    "cache_write_tokens": Slot.CACHE_WRITE_TOKENS,
    "reasoning_tokens": Slot.REASONING_TOKENS,
}
_TEXT_ONLY = (
    Slot.TRACELOOP_KIND,
    Slot.TRACELOOP_ENTITY,
    Slot.OPERATION,
    Slot.MCP_METHOD,
    Slot.A2A_METHOD,
    Slot.AG2_KIND,
    Slot.AGT_KIND,
    Slot.OPENINFERENCE_KIND,
    Slot.AGENT_NAME,
    Slot.GRAPH_NODE,
    Slot.AGT_IDENTITY,
    Slot.TOOL_NAME,
    Slot.PROVIDER,
    Slot.ERROR_TYPE,
)


@dataclass(frozen=True, slots=True)
class Meant:
    """The columns of meaning, and the spans that have to be read alone."""

    columns: Columns
    alone: Ints


def meanings_of(
    attributes: Attributes, alike: Sequence[pa.Array], eventful: Flags, ask: Ask
) -> Meant:
    """The meanings of spans with these attributes.

    `alike`: what an answer depends on beside the attributes, such as the span's name.
    `eventful`: spans that are to be read alone in any case.
    """
    telling = _Telling.among(attributes)
    if not len(telling.at):
        return Meant(_nothing(len(eventful)), np.flatnonzero(eventful))
    alone = eventful | telling.rows_where(telling.is_verdict | ~telling.is_plain)
    alone |= telling.repeats()
    meant = telling.rows_where(telling.is_marker) & ~alone
    best = telling.best()
    best[:, ~meant] = _NOWHERE
    columns = {name: _texts(attributes, best[slot]) for name, slot in _TAKEN.items()}
    ids = np.where(best[Slot.AGENT_ID] >= 0, best[Slot.AGENT_ID], best[Slot.AGT_IDENTITY])
    columns["agent_id"] = attributes.values.texts(ids)
    columns |= {name: _counts(attributes, best[slot]) for name, slot in _COUNTED.items()}
    columns["cost_usd"] = _amounts(attributes, best[Slot.COST_USD])
    governed = _ask_each_kind(telling, best, alike, meant, ask, columns)
    return Meant(columns, np.flatnonzero(alone | governed))


def _nothing(count: int) -> Columns:
    schema = SCHEMAS["span"]
    return {name: pa.nulls(count, schema.field(name).type) for name in Meaning._fields}


@dataclass(frozen=True, slots=True)
class _Telling:
    """The attributes that could mean something: `at` are their places among all."""

    attributes: Attributes
    at: Ints
    rows: Ints
    slots: Ints
    ranks: Ints
    is_verdict: Flags
    is_marker: Flags
    is_plain: Flags

    @classmethod
    def among(cls, attributes: Attributes) -> _Telling:
        keys, codes = attributes.keys, attributes.codes
        places = [KEYS.get(key, (_NOWHERE, 0)) for key in keys]
        slot_of = np.array([slot for slot, _ in places], np.int64)
        rank_of = np.array([rank for _, rank in places], np.int64)
        verdict_of = np.array([key in VERDICTS for key in keys], bool)
        marker_of = np.array([key in MARKERS for key in keys], bool)
        at = np.flatnonzero(((slot_of >= 0) | verdict_of)[codes]) if len(keys) else codes
        here = codes[at]
        kinds = attributes.values.kinds[at]
        slots = slot_of[here]
        plain = np.isin(kinds, (Kind.NOTHING, Kind.TEXT, Kind.WHOLE, Kind.REAL))
        plain &= ~np.isin(slots, (*_TEXT_ONLY, Slot.TASK_SUCCESS)) | (kinds == Kind.TEXT)
        return cls(
            attributes,
            at,
            attributes.rows[at],
            slots,
            rank_of[here],
            verdict_of[here],
            marker_of[here],
            plain,
        )

    def rows_where(self, chosen: Flags) -> Flags:
        """The spans that have one of the chosen attributes."""
        flags = np.zeros(len(self.attributes.offsets) - 1, bool)
        flags[self.rows[chosen]] = True
        return flags

    def repeats(self) -> Flags:
        """The spans that tell one key twice."""
        flags = np.zeros(len(self.attributes.offsets) - 1, bool)
        told = np.sort(self.rows * len(self.attributes.keys) + self.attributes.codes[self.at])
        twice = told[1:][told[1:] == told[:-1]]
        flags[twice // max(1, len(self.attributes.keys))] = True
        return flags

    def best(self) -> Ints:
        """For each slot and span the attribute that fills it; -1 where none does.

        The lowest rank wins, and among equals the attribute that comes first.
        """
        best = np.full((Slot.COUNT, len(self.attributes.offsets) - 1), _NOWHERE, np.int64)
        says = np.flatnonzero(self._says_something() & (self.slots >= 0))[::-1]
        order = says[np.argsort(-self.ranks[says].astype(np.int16), kind="stable")]
        # Of equal places the last assignment stands.
        best[self.slots[order], self.rows[order]] = self.at[order]
        return best

    def _says_something(self) -> Flags:
        kinds = self.attributes.values.kinds[self.at]
        texts = self.attributes.values.texts(self.at)
        blank: Flags = pc.is_in(texts, pa.array(["", "unknown"])).to_numpy(zero_copy_only=False)
        says: Flags = (kinds != Kind.NOTHING) & ~(blank & (kinds == Kind.TEXT))
        return says

    def of(self, row: int) -> dict[str, Any]:
        """What one span tells, as a dialect reads it."""
        start, end = np.searchsorted(self.rows, [row, row + 1]).tolist()
        at = self.at[start:end]
        values = self.attributes.values
        texts = values.texts(at).to_pylist()
        told: dict[str, Any] = {}
        for place, text in zip(at.tolist(), texts, strict=True):
            key, kind = self.attributes.keys[self.attributes.codes[place]], values.kinds[place]
            if kind == Kind.WHOLE:
                told[key] = int(values.whole[place])
            elif kind == Kind.REAL:
                told[key] = float(values.real[place])
            else:
                told[key] = text
        return told


def _ask_each_kind(
    telling: _Telling,
    best: Ints,
    alike: Sequence[pa.Array],
    meant: Flags,
    ask: Ask,
    columns: Columns,
) -> Flags:
    """Fill the columns that one span answers for all of its kind; tell which are AGT's own,
    whose meaning depends on more."""
    values = telling.attributes.values
    rows = np.flatnonzero(meant)
    picks = pa.array(rows)
    told = [values.texts(best[slot]) for slot in _TEXT_ONLY if (best[slot] >= 0).any()]
    kinds = _kinds([column.take(picks) for column in (*alike, *told)], len(rows))
    firsts = np.unique(kinds, return_index=True)[1] if len(rows) else rows
    answers = [ask(row, telling.of(row)) for row in rows[firsts].tolist()]
    place = np.full(len(meant), _NOWHERE, np.int64)
    place[rows] = kinds
    taken = pa.array(np.maximum(place, 0), mask=place < 0)
    for name in _ASKED:
        answered = [getattr(answer, name) for answer in answers]
        columns[name] = pa.array(answered or [None], pa.string()).take(taken)
    governed = [(answer.dialect or "").startswith(AGT) for answer in answers]
    return np.array([*governed, False], bool)[place]


def _kinds(columns: Sequence[pa.Array], count: int) -> Ints:
    """Rows with equal values in every column get the same number, from 0 on without gaps."""
    kinds = np.zeros(count, np.int64)
    for column in columns:
        codes = pc.fill_null(column.dictionary_encode().indices, -1)
        values = codes.to_numpy(zero_copy_only=False).astype(np.int64) + 1
        together = pa.array(kinds * (values.max(initial=0) + 1) + values)
        kinds = together.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        kinds = kinds.astype(np.int64)
    return kinds


def _texts(attributes: Attributes, at: Ints) -> pa.Array:
    """Values as they stand; a key that nobody uses costs next to nothing."""
    if not (at >= 0).any():
        return pa.nulls(len(at), pa.string())
    return attributes.values.texts(at)


def _counts(attributes: Attributes, at: Ints) -> pa.Array:
    """Counts as integers; what is none is not measured."""
    if not (at >= 0).any():
        return pa.nulls(len(at), pa.int64())
    kinds = np.where(at >= 0, attributes.values.kinds[at], Kind.NOTHING)
    numbers = np.where(kinds == Kind.WHOLE, attributes.values.whole[at], 0)
    unmeasured = (kinds != Kind.WHOLE) | (numbers < 0)
    for row in np.flatnonzero((kinds == Kind.TEXT) | (kinds == Kind.REAL)).tolist():
        count = whole(_value(attributes, int(at[row])))
        if count is not None:
            numbers[row], unmeasured[row] = count, False
    return pa.array(numbers, pa.int64(), mask=unmeasured)


def _amounts(attributes: Attributes, at: Ints) -> pa.Array:
    """Real numbers; what is none, or not finite, is not measured."""
    kinds = np.where(at >= 0, attributes.values.kinds[at], Kind.NOTHING)
    amounts = np.zeros(len(at), np.float64)
    unmeasured = np.ones(len(at), bool)
    for row in np.flatnonzero(kinds != Kind.NOTHING).tolist():
        amount = real(_value(attributes, int(at[row])))
        if amount is not None:
            amounts[row], unmeasured[row] = amount, False
    return pa.array(amounts, pa.float64(), mask=unmeasured)


def _value(attributes: Attributes, at: int) -> Any:
    values = attributes.values
    match int(values.kinds[at]):
        case Kind.WHOLE:
            return int(values.whole[at])
        case Kind.REAL:
            return float(values.real[at])
    return values.pieces[int(values.plain[at])].as_py().decode()
