"""`watchkeeper redaction`: check the policy, and try it on a text, before a collector uses it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from collector.config import Settings
from collector.errors import RefusedInput
from collector.receive.redaction import read_policy, redactor_of


def run(settings: Settings, arguments: argparse.Namespace) -> None:
    """Print what the policy says, or standard input as it would be stored."""
    file = arguments.file or settings.redaction
    if not file.exists():
        raise RefusedInput(
            f"there is no {file}, so nothing is redacted: docs/intake-security.md shows one"
        )
    if arguments.what == "check":
        _check(file)
    else:
        _try(file, settings)


def _check(file: Path) -> None:
    policy = read_policy(file)
    for rule in policy.keys:
        print(rule.action, rule.key, sep="\t")
    print("patterns", ", ".join(pattern.name for pattern in policy.patterns) or "none", sep="\t")
    print("message_content", policy.message_content, sep="\t")


def _try(file: Path, settings: Settings) -> None:
    redactor = redactor_of(file, settings.redaction_key)
    text = sys.stdin.read()
    sys.stdout.write(redactor.text(text) if redactor else text)
