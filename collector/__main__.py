"""The command line: `watchkeeper COMMAND`.

Every command takes the same flags for home and addresses, and every `--help`
shows an example. stdout is data, stderr is narration.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from collector.cli import commands
from collector.config import VERSION
from collector.errors import WatchkeeperError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 when it did what was asked."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        status = int(chosen.run(chosen) or 0)
        sys.stdout.flush()
        return status
    except WatchkeeperError as error:
        print(f"watchkeeper: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # `| head` has read enough; what Python still holds for it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="watchkeeper",
        description="The operator console for fleets of AI agents.",
        epilog="Start with: watchkeeper up",
    )
    parser.add_argument("--version", action="version", version=f"watchkeeper {VERSION}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in commands.ALL:
        subparser = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=command.summary,
            epilog=f"example: {command.example}",
        )
        command.arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
