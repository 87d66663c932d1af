"""The real collector with small files: segments fill, checkpoints come and logs are released
within a second instead of minutes. Run as a program, with the flags of `watchkeeper collector`.
"""

from __future__ import annotations

import sys
from functools import partial

from collector import server
from collector.__main__ import main
from collector.store import connection
from collector.store.applier import Applier

SEGMENT_BYTES = 48 * 1024


def shrink() -> None:
    server.segment_bytes = lambda directory: SEGMENT_BYTES
    server.Applier = partial(  # type: ignore
        Applier, batch_bytes=64 * 1024, tick_s=0.05, idle_checkpoint_s=0.3
    )
    connection.CHECKPOINT_BYTES = 64 * 1024


if __name__ == "__main__":
    shrink()
    sys.exit(main())
