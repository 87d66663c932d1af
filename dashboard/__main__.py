"""Start the dashboard: ``python -m dashboard --ui 127.0.0.1:8501``."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from collector.config import ADDRESSES, Address, add_arguments, settings_from
from collector.errors import ConfigurationError


def main() -> int:
    """Serve until SIGTERM; prints one line once visitors can come."""
    parser = argparse.ArgumentParser(
        prog="python -m dashboard",
        description="The operator console.",
        epilog="example: python -m dashboard --ui 127.0.0.1:8501 --api 127.0.0.1:4319 "
        "--control 127.0.0.1:4320",
    )
    add_arguments(parser)
    try:
        address = chosen_addresses(parser.parse_args())
    except ConfigurationError as error:
        print(f"dashboard: {error}", file=sys.stderr)
        return 2
    return asyncio.run(serve(address))


def chosen_addresses(arguments: argparse.Namespace) -> Address:
    """Puts the addresses of the other processes where `doors` finds them; ours is returned."""
    settings = settings_from(arguments)
    for setting in ADDRESSES:
        os.environ[setting.variable] = str(getattr(settings, setting.name))
    return settings.ui


async def serve(address: Address) -> int:
    from dashboard.asgi import app

    server = Announced(
        uvicorn.Config(
            app,
            host=address.host,
            port=address.port,
            log_level="warning",
            ws="websockets-sansio",
            timeout_graceful_shutdown=3,
            server_header=False,
        )
    )
    for wish in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wish, server.stop)
    await server.serve()
    return 0 if server.started else 1


class Announced(uvicorn.Server):
    """Says where it listens, once it does, and ends with status 0 when told to stop."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"ready ui={self.config.host}:{port}", flush=True)

    def stop(self) -> None:
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing to capture: uvicorn would raise the signal again after a clean stop."""
        yield


if __name__ == "__main__":
    sys.exit(main())
