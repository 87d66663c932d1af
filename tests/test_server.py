"""How the collector listens."""

from __future__ import annotations

import socket
from pathlib import Path

from collector.config import Address, Settings
from collector.server import _listening

FREE = Address("127.0.0.1", 0)


def test_answers_do_not_wait_for_the_peers_delayed_acknowledgement(tmp_path: Path) -> None:
    settings = Settings(tmp_path, FREE, FREE, FREE, FREE, FREE)

    with _listening(settings) as listeners:
        for listener in (listeners.http, listeners.api):
            with socket.create_connection(listener.getsockname()):
                accepted, _ = listener.accept()
                with accepted:
                    delay_off = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                    assert delay_off
