"""The commands, each with its flags, an example and the function that runs it.

Heavy modules are imported when a command runs, so that `--help` is instant.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collector.config import add_arguments, settings_from

Runner = Callable[[argparse.Namespace], int | None]


@dataclass(frozen=True)
class Command:
    """One word of the command line."""

    name: str
    summary: str
    example: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Runner


def _up(arguments: argparse.Namespace) -> int:
    from collector.cli import supervise

    settings = settings_from(arguments)
    return asyncio.run(supervise.up(settings))


def _demo(arguments: argparse.Namespace) -> int:
    from collector.cli import demo

    settings = settings_from(arguments)
    return asyncio.run(demo.run(settings, fleet=not arguments.no_fleet, days=arguments.days))


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("--no-fleet", action="store_true", help="load the history, start no agents")
    parser.add_argument("--days", type=int, default=30, help="days of sample history (default 30)")


def _collector(arguments: argparse.Namespace) -> None:
    from collector.server import serve

    asyncio.run(serve(settings_from(arguments)))


def _control(arguments: argparse.Namespace) -> None:
    from collector.control.process import serve

    asyncio.run(serve(settings_from(arguments)))


def _dashboard(arguments: argparse.Namespace) -> None:
    settings = settings_from(arguments)
    addresses = ["--ui", str(settings.ui), "--api", str(settings.api)]
    _become("dashboard", [*addresses, "--control", str(settings.control)])


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("--since", help="start of the period, RFC 3339 (default: 30 days ago)")
    parser.add_argument("--until", help="end of the period, RFC 3339 (default: now)")
    parser.add_argument("--framework", default="eu-ai-act", help="framework id (default eu-ai-act)")
    parser.add_argument("--output", type=Path, default=Path("report.pdf"), help="file to write")


def _report(arguments: argparse.Namespace) -> None:
    settings = settings_from(arguments)
    period = [
        word
        for name in ("since", "until")
        if getattr(arguments, name)
        for word in (f"--{name}", getattr(arguments, name))
    ]
    where = ["--api", settings.api.url, "--keys", str(settings.reports)]
    what = ["--framework", arguments.framework, "--output", str(arguments.output)]
    _become("reports", [*period, *where, *what])


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("file", type=Path, help="the signed PDF")
    parser.add_argument("--root", type=Path, help="root certificate to trust (PEM)")


def _verify(arguments: argparse.Namespace) -> None:
    settings = settings_from(arguments)
    own = settings.reports / "root.pem"
    root = arguments.root or (own if own.exists() else None)
    _become("reports.verify", [str(arguments.file), *(["--root", str(root)] if root else [])])


def _become(module: str, arguments: list[str]) -> None:
    """Replace this process: the doors never import each other."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def _sql_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("sql", help="one statement that only reads")
    parser.add_argument(
        "--format", choices=("table", "json", "csv", "parquet"), default="table", help="of the rows"
    )
    parser.add_argument("--output", type=Path, help="file to write (parquet needs one)")
    parser.add_argument("--limit", type=int, default=10_000, help="rows at most (default 10,000)")


def _sql(arguments: argparse.Namespace) -> None:
    from collector.cli import ask

    ask.sql(settings_from(arguments), arguments)


def _slo_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("what", choices=("list", "check"), help="list objectives, or check files")
    parser.add_argument("files", nargs="*", type=Path, help="OpenSLO files to check")


def _slo(arguments: argparse.Namespace) -> int:
    from collector.cli import ask

    return ask.slo(settings_from(arguments), arguments)


def _identities_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument(
        "what",
        choices=("list", "history", "join", "part", "forget"),
        help="show names or what was decided; join a name to an agent, part the two, or forget "
        "what was decided about it",
    )
    parser.add_argument("alias", nargs="?", help="the name or identifier")
    parser.add_argument("--agent", help="the agent that it is another name of")
    parser.add_argument("--reason", help="why; kept with the decision")
    parser.add_argument("--user", help="who decides (default: the user of this shell)")


def _identities(arguments: argparse.Namespace) -> None:
    from collector.cli import identities

    identities.run(settings_from(arguments), arguments)


def _sequences_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    words = ("list", "check")
    parser.add_argument(
        "what", nargs="?", choices=words, default="list", help="list rules, or check files"
    )
    parser.add_argument("files", nargs="*", type=Path, help="files of sequence rules to check")


def _sequences(arguments: argparse.Namespace) -> int:
    from collector.cli import ask

    return ask.sequences(settings_from(arguments), arguments)


def _prices_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    words = ("list", "check", "reprice", "history")
    parser.add_argument(
        "what",
        nargs="?",
        choices=words,
        default="list",
        help="those in force; check a file; compute costs of a period anew; when that was done",
    )
    parser.add_argument("file", nargs="?", type=Path, help="default: prices.yaml in the home")
    parser.add_argument("--since", help="reprice calls from this day or time on")
    parser.add_argument("--until", help="and before this one; default: now")
    parser.add_argument("--as", dest="user", help="who asks; default: this user")
    parser.add_argument("--reason", help="why; it is kept with what changed")
    parser.add_argument("--no-wait", action="store_true", help="do not wait until it is done")


def _prices(arguments: argparse.Namespace) -> int:
    from collector.cli import prices

    return prices.run(settings_from(arguments), arguments)


def _inventory_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument(
        "what",
        nargs="?",
        choices=("list", "check"),
        default="list",
        help="what was seen against what is registered, or check a file",
    )
    parser.add_argument("file", nargs="?", type=Path, help="default: inventory.yaml in the home")
    parser.add_argument(
        "--format", choices=("table", "json", "cyclonedx"), default="table", help="of the list"
    )
    parser.add_argument("--output", type=Path, help="file to write (default: print)")


def _inventory(arguments: argparse.Namespace) -> int:
    from collector.cli import inventory

    return inventory.run(settings_from(arguments), arguments)


def _command_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    kinds = ("degrade", "require_approval", "pause", "kill", "release", "list")
    parser.add_argument("what", choices=kinds, help="what to order, or list")
    parser.add_argument("--agent", help="the agent to restrict")
    parser.add_argument("--hold", help="the hold to release")
    parser.add_argument("--reason", help="why; kept as evidence")
    parser.add_argument("--expires", help="how long the hold stands: 30m, 4h, 7d")
    parser.add_argument("--as", dest="user", default="admin", help="operator (default admin)")


def _command(arguments: argparse.Namespace) -> None:
    from collector.cli import ask

    ask.command(settings_from(arguments), arguments)


def _reverify_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("--since", help="from here on: a date, or a time with its zone (30 d ago)")
    parser.add_argument("--until", help="before this: a date, or a time with its zone (now)")
    parser.add_argument("--agent", help="records of this agent alone")


def _reverify(arguments: argparse.Namespace) -> int:
    from collector.cli import reverify

    return reverify.run(settings_from(arguments), arguments)


def _users_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("what", choices=("add", "link"), help="add an operator, or a sign-in link")
    parser.add_argument("name", help="the operator")
    roles = ("viewer", "operator", "approver", "auditor", "admin")
    parser.add_argument("--role", choices=roles, default="viewer", help="rights (default viewer)")


def _users(arguments: argparse.Namespace) -> None:
    from collector.cli import ask

    ask.users(settings_from(arguments), arguments)


def _tokens_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("what", choices=("add", "list", "revoke"), help="what to do")
    parser.add_argument("name", nargs="?", help="the source that sends with this token")
    parser.add_argument(
        "--agents", default="", help="agents it may send for, globs, comma-separated (default any)"
    )
    parser.add_argument(
        "--environments", default="", help="environments it may send for (default any)"
    )
    parser.add_argument("--expires", help="how long it is good: 12h, 90d (default for ever)")
    parser.add_argument("--rate", default="", help="bytes a second, such as 5MiB (default none)")


def _tokens(arguments: argparse.Namespace) -> None:
    from collector.cli import tokens

    tokens.run(settings_from(arguments), arguments)


def _redaction_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument(
        "what", choices=("check", "try"), help="the policy, or it on standard input"
    )
    parser.add_argument("file", nargs="?", type=Path, help="default: redaction.yaml in the home")


def _redaction(arguments: argparse.Namespace) -> None:
    from collector.cli import redaction

    redaction.run(settings_from(arguments), arguments)


def _keys(arguments: argparse.Namespace) -> None:
    from collector.cli import ask

    ask.keys(settings_from(arguments))


def _retention_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    words = ("show", "set", "override", "hold", "release", "verify")
    parser.add_argument("what", choices=words, help="show the rules, change them, or check files")
    signals = ("spans", "logs", "metrics", "governance")
    parser.add_argument("--signal", choices=signals, help="whose days to set")
    parser.add_argument("--days", type=int, help="how long it is kept")
    parser.add_argument("--since", help="a hold covers evidence from here on (default: all)")
    parser.add_argument("--until", help="end of what a hold covers, or of an override")
    parser.add_argument("--agent", help="a hold covers this agent alone")
    parser.add_argument("--hold", metavar="ID", help="the legal hold to release")
    parser.add_argument("--reason", help="why; kept as evidence")
    parser.add_argument("--as", dest="user", default="admin", help="operator (default admin)")


def _retention(arguments: argparse.Namespace) -> int:
    from collector.cli import keep

    return keep.retention(settings_from(arguments), arguments)


def _backup_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("target", help="a new folder for the backup")
    parser.add_argument("--with-keys", action="store_true", help="copy the secret keys too")


def _backup(arguments: argparse.Namespace) -> int:
    from collector.cli import backup

    return backup.backup(settings_from(arguments), arguments)


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("backup", help="the folder of the backup")


def _restore(arguments: argparse.Namespace) -> int:
    from collector.cli import backup

    return backup.restore(settings_from(arguments), arguments)


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="of the findings"
    )


def _doctor(arguments: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from collector import doctor

    findings = doctor.examine(settings_from(arguments))
    if arguments.format == "json":
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        print(doctor.as_table(findings))
    return int(any(finding.level is doctor.Level.FAIL for finding in findings))


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument("table", nargs="?", help="a table or view, such as spans or decisions")
    parser.add_argument("--sql", help="a statement that only reads, in place of a table")
    parser.add_argument("--since", help="from here on: a date, or a time with its zone")
    parser.add_argument("--until", help="before this: a date, or a time with its zone")
    formats = ("csv", "parquet", "json")
    parser.add_argument("--format", choices=formats, default="csv", help="of the file")
    parser.add_argument("--output", type=Path, required=True, help="the file to write")


def _export(arguments: argparse.Namespace) -> None:
    from collector.cli import export

    export.export(settings_from(arguments), arguments)


ALL = (
    Command("up", "start collector, control and dashboard", "watchkeeper up", add_arguments, _up),
    Command(
        "demo",
        "everything, with a sample fleet and 30 days of sample history",
        "watchkeeper demo --home demo-home",
        _demo_arguments,
        _demo,
    ),
    Command(
        "collector",
        "take in telemetry and answer questions",
        "watchkeeper collector --otlp-grpc 127.0.0.1:4317",
        add_arguments,
        _collector,
    ),
    Command(
        "control",
        "pass signed holds to agents",
        "watchkeeper control --control 127.0.0.1:4320",
        add_arguments,
        _control,
    ),
    Command(
        "dashboard",
        "serve the console",
        "watchkeeper dashboard --ui 127.0.0.1:8501",
        add_arguments,
        _dashboard,
    ),
    Command(
        "sql",
        "ask the running collector",
        'watchkeeper sql "select agent, verdict, count(*) from decisions group by all"',
        _sql_arguments,
        _sql,
    ),
    Command(
        "slo",
        "list objectives, or check OpenSLO files",
        "watchkeeper slo check objectives/task-success.yaml",
        _slo_arguments,
        _slo,
    ),
    Command(
        "identities",
        "which names are one agent: learnt, joined by hand, or parted",
        'watchkeeper identities join billing-v2 --agent billing --reason "renamed"',
        _identities_arguments,
        _identities,
    ),
    Command(
        "sequences",
        "list sequence rules and what they found, or check files of them",
        "watchkeeper sequences check sequences/secret-then-send.yaml",
        _sequences_arguments,
        _sequences,
    ),
    Command(
        "prices",
        "what tokens cost, which models have no price, check a price file, compute costs anew",
        "watchkeeper prices reprice --since 2026-01-01 --reason 'contract 4711'",
        _prices_arguments,
        _prices,
    ),
    Command(
        "inventory",
        "agents, models, tools and MCP servers seen, against those registered; as CycloneDX too",
        "watchkeeper inventory --format cyclonedx --output aibom.json",
        _inventory_arguments,
        _inventory,
    ),
    Command(
        "command",
        "degrade, pause or kill an agent, or release a hold",
        'watchkeeper command kill --agent rogue --reason "sends data outside" --expires 4h',
        _command_arguments,
        _command,
    ),
    Command(
        "retention",
        "how long evidence is kept, legal holds, and the sums of archived files",
        'watchkeeper retention hold --agent rogue --since 2026-01-01 --reason "case 4711"',
        _retention_arguments,
        _retention,
    ),
    Command(
        "backup",
        "copy everything a home needs while the collector runs",
        "watchkeeper backup /backups/2026-01-15 --with-keys",
        _backup_arguments,
        _backup,
    ),
    Command(
        "restore",
        "put a backup into a new home",
        "watchkeeper restore /backups/2026-01-15 --home restored-home",
        _restore_arguments,
        _restore,
    ),
    Command(
        "export",
        "write all rows of a table or statement to a file",
        "watchkeeper export decisions --since 2026-01-01 --format parquet --output rows.parquet",
        _export_arguments,
        _export,
    ),
    Command(
        "report",
        "write a signed PDF for a period",
        "watchkeeper report --framework eu-ai-act --output report.pdf",
        _report_arguments,
        _report,
    ),
    Command(
        "verify",
        "check a signed PDF, offline",
        "watchkeeper verify report.pdf",
        _verify_arguments,
        _verify,
    ),
    Command(
        "reverify",
        "check the governance toolkit's audit records again, all of a period",
        "watchkeeper reverify --since 2026-01-01 --until 2026-02-01",
        _reverify_arguments,
        _reverify,
    ),
    Command(
        "users",
        "add an operator, or make a one-time sign-in link",
        "watchkeeper users add jo --role operator",
        _users_arguments,
        _users,
    ),
    Command(
        "tokens",
        "make, list or revoke the tokens that exporters send with",
        "watchkeeper tokens add billing --agents clerk,billing-app --environments prod "
        "--expires 90d",
        _tokens_arguments,
        _tokens,
    ),
    Command(
        "doctor",
        "look at home, disk, log, database, ports, keys and clock; change nothing",
        "watchkeeper doctor --home watchkeeper-home",
        _doctor_arguments,
        _doctor,
    ),
    Command(
        "redaction",
        "check what must not reach the disk, or try it on a text",
        "echo 'mail alice@example.com' | watchkeeper redaction try redaction.yaml",
        _redaction_arguments,
        _redaction,
    ),
    Command(
        "keys",
        "print the public keys that sign control documents",
        "watchkeeper keys",
        add_arguments,
        _keys,
    ),
)
