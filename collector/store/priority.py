"""Who goes first when the processor is short: questions, then what is stored behind them."""

from __future__ import annotations

import contextlib
import os
import threading

__all__ = ["give_way"]

# 5: a third of the processor beside a thread of normal priority.
_NICE = 5


def give_way() -> None:
    """Let threads of normal priority go before this one; where threads have none, do nothing."""
    # POSIX gives a process one nice value. Linux gives each thread its own, by thread id.
    with contextlib.suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
