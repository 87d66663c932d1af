"""Start the dashboard: ``python -m dashboard --ui 127.0.0.1:8501``."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

import uvicorn

from collector.config import ADDRESSES, Address, add_arguments
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
    from collector.config import settings_from

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
    await server.serve()
    return 0 if server.started else 1


class Announced(uvicorn.Server):
    """Says where it listens, once it does."""

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]  # uvicorn's own socket type is not exported
        await super().startup(sockets)  # type: ignore[arg-type]  # passed through untouched
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"ready ui={self.config.host}:{port}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
