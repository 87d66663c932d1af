"""What is stored behind people's questions gives way to them."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from collector.store.priority import give_way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have no nice value here")


def _own() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_a_thread_that_gives_way_leaves_the_others_as_they_were() -> None:
    before = _own()

    with ThreadPoolExecutor(1, initializer=give_way) as thread:
        lowered = thread.submit(_own).result()

    assert lowered > before
    assert _own() == before


def test_a_thread_that_has_given_way_already_may_do_so_again() -> None:
    with ThreadPoolExecutor(1, initializer=give_way) as thread:
        once = thread.submit(_own).result()
        thread.submit(give_way).result()

        assert thread.submit(_own).result() == once
