"""Listening to a method of AGT: it runs as it always did, and what came of it is told after.

Nothing in here may reach AGT: an error of ours is logged once per hook and forgotten.
A hook that was taken off passes calls through, even where another library has wrapped the
method meanwhile and ours cannot be lifted out.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from watchkeeper_agent.adapters.agt.teller import Teller

_log = logging.getLogger("watchkeeper_agent")
# An evaluation that makes another one is one evaluation: the outermost tells.
_evaluating: ContextVar[bool] = ContextVar("watchkeeper_agt_evaluating", default=False)


@dataclass(frozen=True)
class Outcome:
    """What came of one call: its result or the error it raised, and what `before` said."""

    result: Any = None
    error: BaseException | None = None
    before: Any = None


@dataclass(frozen=True)
class Hook:
    """One method to listen to.

    `after(teller, outcome, self, *args, **kwargs)` tells; `before(self, *args, **kwargs)`
    says what was the case. `evaluates`: a verdict is reached in here and no action is
    done in here. `during`: holds `self` while the call lasts.
    """

    part: str
    module: str
    owner: str
    method: str
    after: Callable[..., None]
    before: Callable[..., Any] | None = None
    evaluates: bool = False
    during: ContextVar[Any] | None = None

    @property
    def place(self) -> str:
        return f"{self.module}.{self.owner}.{self.method}"


@dataclass
class Listening:
    """A hook that is on, and how to take it off."""

    hook: Hook
    teller: Teller
    owner: type
    original: Any
    wrapper: Any = None
    was_inherited: bool = False
    is_on: bool = True
    _failed: bool = field(default=False, repr=False)

    def stop(self) -> None:
        """Put the method back where it is still ours; pass calls through in any case."""
        self.is_on = False
        if self.owner.__dict__.get(self.hook.method) is not self.wrapper:
            return
        if self.was_inherited:
            delattr(self.owner, self.hook.method)
        else:
            setattr(self.owner, self.hook.method, self.original)

    def before(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if self.hook.before is None:
            return None
        try:
            return self.hook.before(*args, **kwargs)
        except Exception:
            self._fail()
            return None

    def after(self, outcome: Outcome, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        try:
            self.hook.after(self.teller, outcome, *args, **kwargs)
        except Exception:
            self._fail()

    def _fail(self) -> None:
        if not self._failed:
            self._failed = True
            # A handler of the host's may fail as well.
            with contextlib.suppress(Exception):
                _log.exception("agt_hook_failed place=%s", self.hook.place)


def listen(hook: Hook, teller: Teller) -> Listening | str:
    """Put the hook on; or answer why it cannot be: this AGT has no such method."""
    try:
        owner = getattr(importlib.import_module(hook.module), hook.owner)
        original = inspect.getattr_static(owner, hook.method)
    except (ImportError, AttributeError) as error:
        return f"{hook.place}: {error}"
    except Exception as error:
        # A module that fails while it is imported is as good as not there.
        return f"{hook.place}: {type(error).__name__}: {error}"
    if not inspect.isfunction(original):
        return f"{hook.place}: expected a plain method, got {type(original).__name__}"
    listening = Listening(hook, teller, owner, original)
    listening.was_inherited = hook.method not in owner.__dict__
    wrap = _wrapped_coroutine if inspect.iscoroutinefunction(original) else _wrapped
    listening.wrapper = wrap(listening)
    setattr(owner, hook.method, listening.wrapper)
    return listening


def _wrapped(listening: Listening) -> Any:
    original, hook = listening.original, listening.hook

    @functools.wraps(original)
    def heard(*args: Any, **kwargs: Any) -> Any:
        if not listening.is_on or (hook.evaluates and _evaluating.get()):
            return original(*args, **kwargs)
        before = listening.before(args, kwargs)
        tokens = _enter(hook, args)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            _leave(tokens)
            listening.after(Outcome(error=error, before=before), args, kwargs)
            raise
        _leave(tokens)
        listening.after(Outcome(result, before=before), args, kwargs)
        return result

    return heard


def _wrapped_coroutine(listening: Listening) -> Any:
    original, hook = listening.original, listening.hook

    @functools.wraps(original)
    async def heard(*args: Any, **kwargs: Any) -> Any:
        if not listening.is_on or (hook.evaluates and _evaluating.get()):
            return await original(*args, **kwargs)
        before = listening.before(args, kwargs)
        tokens = _enter(hook, args)
        try:
            result = await original(*args, **kwargs)
        except BaseException as error:
            _leave(tokens)
            listening.after(Outcome(error=error, before=before), args, kwargs)
            raise
        _leave(tokens)
        listening.after(Outcome(result, before=before), args, kwargs)
        return result

    return heard


def _enter(hook: Hook, args: Sequence[Any]) -> list[tuple[ContextVar[Any], Any]]:
    tokens: list[tuple[ContextVar[Any], Any]] = []
    if hook.evaluates:
        tokens.append((_evaluating, _evaluating.set(True)))
    if hook.during is not None:
        tokens.append((hook.during, hook.during.set(args[0] if args else None)))
    return tokens


def _leave(tokens: list[tuple[ContextVar[Any], Any]]) -> None:
    for variable, token in tokens:
        # A coroutine may be ended in another context than it began in: there is nothing to undo.
        with contextlib.suppress(ValueError):
            variable.reset(token)
