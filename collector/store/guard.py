"""The guard of free SQL: lets through one statement that only reads our own tables.

A SELECT is not harmless in DuckDB: a common table expression may insert or delete,
a table name may be a file, a function may read the disk or change a setting. So the
statement is parsed by DuckDB itself, its tree is walked, and whatever is not on a
list of harmless parts is refused:

1. one statement, short enough to be read
2. query nodes, table references and expressions of known kinds
3. tables and views of this database, or names the statement itself defines
4. built-in functions without side effects
5. no function that makes one huge value at once, which no limit would stop
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from collector.errors import RefusedInput
from collector.store.schema import statement

_LONGEST = 64 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_QUERY_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"}
_TABLES = {
    "BASE_TABLE",
    "EMPTY",
    "EXPRESSION_LIST",
    "JOIN",
    "SHOW_REF",
    "SUBQUERY",
    "TABLE_FUNCTION",
}
_MODIFIERS = {"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"}
_ORDERS = {"ORDER_DEFAULT", "ORDER_ASCENDING", "ORDER_DESCENDING", "ASCENDING", "DESCENDING"}
_KINDS = frozenset(_QUERY_NODES | _TABLES | _MODIFIERS | _ORDERS)
_EXPRESSIONS = frozenset(
    {
        "BETWEEN",
        "CASE",
        "CAST",
        "COLLATE",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",
        "LAMBDA_REF",
        "OPERATOR",
        "POSITIONAL_REFERENCE",
        "STAR",
        "SUBQUERY",
        "TYPE",
        "WINDOW",
    }
)
_TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_tables",
        "duckdb_views",
        "generate_series",
        "json_each",
        "json_tree",
        "range",
        "unnest",
    }
)
_CATALOGUE_VIEWS = frozenset(["tables", "columns", "schemata", "views"])
_REFUSED_FUNCTIONS = frozenset(
    [
        "current_setting",
        "getenv",
        "getvariable",
        "pg_sleep",
        # Quadratic: two texts of a million characters take one core for many minutes.
        "damerau_levenshtein",
        "editdist3",
        "jaro_similarity",
        "jaro_winkler_similarity",
        "levenshtein",
    ]
)
# One call makes a value as large as its numbers say, which neither the memory limit of DuckDB
# counts nor the time limit stops: range(400000000) took 4.7 GB and 30 s.
_GROWING = frozenset(
    ["array_resize", "generate_series", "list_resize", "lpad", "range", "repeat", "rpad"]
)
_GROWN_AT_MOST = 1000
_FORMATTING = frozenset(["format", "printf"])
_WIDE = re.compile(r"\d{4,}|\*|\{[^}]*\{")
_HARMLESS_VOLATILE = frozenset(["random", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"])


class RefusedSql(RefusedInput):
    """A statement that is not one plain question, and why."""


@dataclass(frozen=True)
class Catalogue:
    """What a statement may name."""

    database: str
    relations: frozenset[str]
    functions: frozenset[str]


def check(cursor: Any, sql: str) -> None:
    """Refuse a statement unless everything in it is known to be harmless."""
    query = _one_statement(_parsed(cursor, sql))
    known = _catalogue(cursor)
    defined = frozenset(_defined_names(query))
    streaming = {
        id(node["function"]) for node in _dicts(query) if node.get("type") == "TABLE_FUNCTION"
    }
    for node in _dicts(query):
        _check_kind(node)
        _check_names(node, known, defined)
        if node.get("class") == "LAMBDA":
            _check_lambda(node)
        elif node.get("class") == "FUNCTION" and id(node) not in streaming:
            _check_size(node)


def _parsed(cursor: Any, sql: str) -> Mapping[str, Any]:
    if len(sql) > _LONGEST:
        raise RefusedSql(f"expected at most {_LONGEST} characters of SQL, got {len(sql)}")
    try:
        relation = cursor.sql("select json_serialize_sql($sql) as tree", params={"sql": sql})
        tree: Mapping[str, Any] = json.loads(relation.to_arrow_table().column(0)[0].as_py())
    except (duckdb.Error, ValueError, RecursionError) as error:
        raise RefusedSql(f"expected SQL that can be read, got: {error}") from error
    if tree["error"]:
        raise RefusedSql(_parse_error(tree))
    return tree


def _parse_error(tree: Mapping[str, Any]) -> str:
    if tree.get("error_type") == "not implemented":
        return "expected a statement that only reads (select, from, values, with, describe)"
    where = f" at character {tree['position']}" if tree.get("position") else ""
    return f"{tree.get('error_message', 'the statement cannot be parsed')}{where}"


def _one_statement(tree: Mapping[str, Any]) -> Any:
    statements = tree["statements"]
    if len(statements) != 1:
        raise RefusedSql(f"expected one statement, got {len(statements)}: send them one by one")
    return statements[0]


def _catalogue(cursor: Any) -> Catalogue:
    names = cursor.sql(statement("queries/catalogue")).to_arrow_table().to_pylist()
    effects = {row["name"] for row in names if row["kind"] == "volatile"} - _HARMLESS_VOLATILE
    functions = {row["name"] for row in names if row["kind"] in ("function", "volatile")}
    return Catalogue(
        database=next(row["name"] for row in names if row["kind"] == "database"),
        relations=frozenset(row["name"].lower() for row in names if row["kind"] == "relation"),
        functions=frozenset(functions - effects - _REFUSED_FUNCTIONS),
    )


def _dicts(root: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of the tree; a stack, because a statement may nest deeper than Python."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _defined_names(query: Any) -> Iterator[str]:
    """Names of common table expressions; plain words only, so that none can be a file."""
    for node in _dicts(query):
        for entry in (node.get("cte_map") or {}).get("map", ()):
            if not _NAME.fullmatch(entry["key"]):
                raise RefusedSql(f"expected a plain word after `with`, got {entry['key']!r}")
            yield entry["key"].lower()


def _check_kind(node: Mapping[str, Any]) -> None:
    kind, expression = node.get("type"), node.get("class")
    if expression is not None:
        allowed = expression in _EXPRESSIONS
    else:
        allowed = not isinstance(kind, str) or kind in _KINDS
    if not allowed:
        raise RefusedSql(f"expected a statement that only reads, got {_words(kind)}")


def _words(kind: object) -> str:
    return str(kind).removesuffix("_NODE").replace("_", " ").lower()


def _check_names(node: Mapping[str, Any], known: Catalogue, defined: frozenset[str]) -> None:
    if node.get("type") == "BASE_TABLE":
        _check_table(node, known, defined)
    elif node.get("type") == "TABLE_FUNCTION":
        _check_table_function(node["function"])
    elif node.get("type") == "SHOW_REF":
        _check_show(node)
    elif node.get("class") == "FUNCTION" or node.get("type") == "WINDOW_AGGREGATE":
        _check_function(node["function_name"], known)


def _check_size(function: Mapping[str, Any]) -> None:
    name = function["function_name"].lower()
    arguments = [argument["expression"] for argument in function["arguments"]]
    if name in _GROWING:
        # The first argument of a range is a number, of the others what is made longer.
        numbers = arguments if name in ("range", "generate_series") else arguments[1:2]
        if not all(map(_is_small_number, numbers)):
            raise RefusedSql(
                f"{name} takes plain numbers up to {_GROWN_AT_MOST} here:"
                " for many values use `from range(...)`"
            )
    elif name in _FORMATTING:
        wish = _literal(arguments[0]) if arguments else None
        if wish is None or _WIDE.search(wish):
            raise RefusedSql(f"{name} takes a plain text with widths below 1000 here")


def _literal(expression: Mapping[str, Any]) -> str | None:
    if expression.get("class") != "CONSTANT":
        return None
    return str((expression.get("literal") or {}).get("text", ""))


def _is_small_number(expression: Mapping[str, Any]) -> bool:
    text = _literal(expression)
    return text is not None and text.isdecimal() and len(text) < 9 and int(text) <= _GROWN_AT_MOST


def _check_lambda(node: Mapping[str, Any]) -> None:
    for inner in _dicts(node["expr"]):
        name = str(inner.get("function_name", "")).lower()
        if inner.get("class") == "LAMBDA" or name in _GROWING:
            raise RefusedSql(
                "expected no lambda, range or repeat within a lambda: use `unnest` and a join"
            )


def _check_table(node: Mapping[str, Any], known: Catalogue, defined: frozenset[str]) -> None:
    *places, name = (part.lower() for part in node["qualified_name"]["path"])
    if places == ["information_schema"] and name in _CATALOGUE_VIEWS:
        return
    if not places and name in defined:
        return
    ours = places in ([], ["main"], [known.database.lower()], [known.database.lower(), "main"])
    if not ours or name not in known.relations:
        raise RefusedSql(
            f"expected a table or view of this database, got {'.'.join([*places, name])!r}"
        )


def _check_table_function(function: Mapping[str, Any]) -> None:
    if function["function_name"].lower() not in _TABLE_FUNCTIONS:
        raise RefusedSql(
            f"the table function {function['function_name']!r} is not allowed here: "
            f"use {', '.join(sorted(_TABLE_FUNCTIONS))}"
        )


def _check_show(node: Mapping[str, Any]) -> None:
    if node["query"] is None and node["table_name"].strip('"') != "tables":
        raise RefusedSql(f"expected `show tables` or `describe`, got show {node['table_name']}")


def _check_function(name: str, known: Catalogue) -> None:
    if name.lower() not in known.functions | _TABLE_FUNCTIONS:
        raise RefusedSql(f"the function {name!r} is not allowed here: it is unknown or has effects")
