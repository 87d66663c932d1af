"""Makes one report: `watchkeeper report`.

With --progress each step is a JSON line on stdout, for a program that waits.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collector.config import VERSION
from mappings import load
from reports import facts, render, sign
from reports.errors import ReportError
from reports.facts import ARTICLES, Period, Progress


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    tell = _json_progress if chosen.progress else _spoken_progress
    try:
        made = make(
            api=chosen.api,
            period=_period(chosen.since, chosen.until),
            framework=chosen.framework,
            output=chosen.output,
            keys=chosen.keys or chosen.output.parent,
            tell=tell,
        )
    except (ReportError, ValueError, OSError) as error:
        print(f"watchkeeper: {error}", file=sys.stderr)
        return 1
    print(json.dumps(made) if chosen.progress else f"{chosen.output}  {made['pages']} pages")
    return 0


def make(
    *, api: str, period: Period, framework: str, output: Path, keys: Path, tell: Progress
) -> dict[str, object]:
    """Gather, render, sign and write; the file appears only when it is whole."""
    known = facts.gather(api, period, framework, datetime.now(UTC), VERSION, tell)
    tell(0.5, "setting the pages")
    unsigned, pages = render.pdf(known)
    tell(0.9, "signing")
    sign.ensure_keys(keys)
    signed = sign.sign(unsigned, keys)
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_suffix(".part")
    unfinished.write_bytes(signed)
    unfinished.replace(output)
    digest = hashlib.sha256(signed).hexdigest()
    return {"done": True, "sha256": digest, "pages": pages, "report_id": known.report_id}


def _period(since: str | None, until: str | None) -> Period:
    end = _moment(until) if until else datetime.now(UTC)
    return Period(_moment(since) if since else end - timedelta(days=30), end)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"expected a time such as 2026-01-15T12:00:00Z, got {text!r}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _json_progress(progress: float, step: str) -> None:
    print(json.dumps({"progress": progress, "step": step}), flush=True)


def _spoken_progress(progress: float, step: str) -> None:
    print(f"{progress:4.0%}  {step}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="watchkeeper report",
        description="Write a signed PDF for a period.",
        epilog="example: watchkeeper report --framework eu-ai-act --output report.pdf",
    )
    known = sorted(set(load.framework_ids()) & set(ARTICLES))
    parser.add_argument("--since", help="start, RFC 3339 (default: 30 days before the end)")
    parser.add_argument("--until", help="end, RFC 3339 (default: now)")
    parser.add_argument("--framework", choices=known, default="eu-ai-act")
    parser.add_argument("--api", default="http://127.0.0.1:4319", help="the query API")
    parser.add_argument("--keys", type=Path, help="folder of the seal (default: beside the PDF)")
    parser.add_argument("--output", type=Path, default=Path("report.pdf"), help="file to write")
    parser.add_argument("--progress", action="store_true", help="JSON lines on stdout")
    return parser


if __name__ == "__main__":
    sys.exit(main())
