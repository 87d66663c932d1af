"""Free SQL under attack: what only reads gets through, nothing else does and nothing changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.connection import Store
from collector.store.guard import RefusedSql
from collector.store.reader import Bounds, Busy, Reader, TimeLimit


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("guarded") / "watchkeeper.duckdb") as opened:
        cursor = opened.cursor()
        cursor.execute("update position set sequence = 41")
        cursor.execute("create sequence serial")
        cursor.close()
        yield opened


@pytest.fixture(scope="module")
def reader(store: Store) -> Reader:
    return Reader(store)


QUESTIONS = [
    "select 1",
    "SELECT * FROM agents",
    "from decisions",
    "values (1), (2)",
    "with recent as (select * from spans limit 5) select count(*) from recent",
    "with recursive n as (select 1 as a union all select a + 1 from n where a < 5) from n",
    "select agent, count(*) filter (where verdict = 'deny') from wk.main.decisions group by all",
    "select * from runs left join actions using (run_id, trace_id)",
    "select agent, row_number() over (partition by agent order by score) from trust",
    'select avg(score) over (order by "at" rows between 3 preceding and current row) from trust',
    "select attributes ->> '$.x', cast(start_ns as double) / 1e9, name like 'a%' from spans",
    "select list_transform([1, 2], lambda x: x + 1), {'a': 1}, [y for y in [1]], 'abc'[1]",
    "select case when 1 in (1, 2) then now() else null end, 3 between 1 and 4, not true",
    "select * from range(3) union all select * from generate_series(1, 2) order by 1 limit 2",
    "select exists (select 1 from runs), (select max(score) from trust)",
    "select * exclude (trace_id) replace (1 as flags) from spans",
    "select unnest([1, 2]), quantile_cont(score, 0.5) from trust group by 1",
    'select time_bucket(interval 1 hour, "at") as hour, count(*) from budgets group by hour',
    "describe spans",
    "summarize runs",
    "show tables",
    "select table_name from information_schema.tables",
    "select /* insert into */ 'drop table span; --' as text -- delete",
    "select * from decisions;",
    "select distinct on (agent) agent from decisions order by agent desc nulls last",
    "select agent from decisions tablesample 10%",
    "select random(), uuid()",
    "from span",
    "from resource",
    "select null, interval 1 day, 1::uhugeint, '1'::bit, 2::decimal(9, 2), date '2026-01-15'",
    "select attributes::variant from spans",
    'select a.* from decisions a asof join trust t on a.agent = t.agent and a.decided_at >= t."at"',
]

WRITES = [
    "insert into position values (1)",
    "update position set sequence = 1",
    "delete from position",
    "truncate position",
    "drop table span",
    "create table mine as select 1",
    "create or replace view spans as select 1",
    "alter table span add column x int",
    "merge into position using (select 1) as s on true when matched then delete",
    "with w as (insert into position values (1) returning *) select * from w",
    "with w as (update position set sequence = 1 returning *) select * from w",
    "with w as (delete from position returning *) select * from w",
    "with a as (with b as (delete from position returning *) select * from b) select * from a",
    "select * from (with w as (delete from position returning *) select * from w)",
    "select (with w as (delete from position returning sequence) select max(sequence) from w)",
    "with w as materialized (insert into position values (9) returning *) from w union all from w",
    "describe with w as (delete from position returning *) select * from w",
    "select 1; delete from position",
    "select 1 /* ; */; /* */ delete from position",
    "select 1; select 2",
    "select 1 -- \n; drop table span",
    "begin; delete from position; commit",
    "commit",
    "rollback",
    "select nextval('serial')",
    "select setval('serial', 9)",
    "checkpoint",
    "force checkpoint",
    "vacuum",
    "prepare p as delete from position",
    "execute p",
    "explain analyze delete from position",
    "explain select 1",
    "comment on table span is 'mine'",
    "create macro f(x) as x",
    "create secret s (type s3)",
    "use memory",
]

ESCAPES = [
    "copy span to '{dir}/stolen.csv'",
    "copy (select 1) to '{dir}/stolen.parquet' (format parquet)",
    "with w as (copy span to '{dir}/stolen.csv') select * from w",
    "select * from (copy span to '{dir}/stolen.csv')",
    "copy position from '{dir}/secret.csv'",
    "export database '{dir}/stolen'",
    "import database '{dir}'",
    "select * from '{dir}/secret.csv'",
    "from '{dir}/secret.csv'",
    "from '{dir}/*.parquet'",
    'select * from "{dir}/secret.csv"',
    'select * from main."{dir}/secret.csv"',
    "select * from 'https://example.org/x.parquet'",
    "select * from 's3://bucket/x.parquet'",
    "select * from read_csv('{dir}/secret.csv')",
    "select * from READ_CSV_AUTO('{dir}/secret.csv')",
    "select * from \"read_csv\"('{dir}/secret.csv')",
    "select * from system.main.read_text('{dir}/secret.csv')",
    "select * from read_text('{dir}/secret.csv')",
    "select * from read_blob('{dir}/*')",
    "select * from read_json('{dir}/secret.csv')",
    "select * from read_parquet('{dir}/secret.csv')",
    "select * from parquet_metadata('{dir}/secret.csv')",
    "select * from sniff_csv('{dir}/secret.csv')",
    "select * from read_duckdb('{dir}/secret.csv')",
    "select * from glob('{dir}/*')",
    "select (select count(*) from glob('/*'))",
    "select * from runs, lateral (select * from read_text('{dir}/secret.csv'))",
    "with \"{dir}/secret.csv\" as (select 1) select * from (select * from '{dir}/secret.csv')",
    "select * from (with w as (select 1) from w), '{dir}/secret.csv'",
    "describe '{dir}/secret.csv'",
    "summarize '{dir}/secret.csv'",
    "select * from query('select 1')",
    "select * from query('select * from read_text(''{dir}/secret.csv'')')",
    "select * from query_table('{dir}/secret.csv')",
    "select * from query_table(['span', 'run'])",
    "from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "pragma json_execute_serialized_sql('x')",
    "attach '{dir}/other.duckdb' as other",
    "attach ':memory:' as other",
    "detach wk",
    "install httpfs",
    "load httpfs",
    "set memory_limit = '1TB'",
    "set enable_external_access = true",
    "reset memory_limit",
    "pragma enable_profiling",
    "pragma database_list",
    "call pragma_version()",
    "select * from pragma_storage_info('span')",
    "select * from pragma_table_info('span')",
    "select * from duckdb_settings()",
    "select * from duckdb_secrets()",
    "select * from duckdb_logs()",
    "select * from which_secret('s3://x', 's3')",
    "from duckdb_databases()",
    "from enable_logging()",
    "from force_checkpoint('wk')",
    "from truncate_duckdb_logs()",
    "select getenv('HOME')",
    "select current_setting('memory_limit')",
    "select write_log('x')",
    "select sleep_ms(100000)",
    "select pg_sleep(100)",
    "select error('x')",
    "select no_such_function(1)",
    "select * from memory.main.x",
    "select * from sqlite_master",
    "select * from duckdb_constraints",
    "from seq_scan('span')",
    "from arrow_scan(1, 2, 3)",
    "from pandas_scan(1)",
    "pivot decisions on verdict using count(*)",
]


@pytest.mark.parametrize("sql", QUESTIONS)
def test_what_only_reads_is_answered(reader: Reader, sql: str) -> None:
    assert reader.free(sql, limit=100).num_columns > 0


@pytest.mark.parametrize("sql", WRITES)
def test_what_writes_is_refused(reader: Reader, store: Store, sql: str) -> None:
    with pytest.raises(RefusedSql):
        reader.free(sql, limit=100)

    assert reader.rows("apply/position") == [{"sequence": 41}]


@pytest.mark.parametrize("sql", ESCAPES)
def test_what_leaves_the_database_is_refused(reader: Reader, tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")

    with pytest.raises(RefusedSql) as refusal:
        reader.free(sql.replace("{dir}", str(tmp_path)), limit=100)

    assert "1,2" not in str(refusal.value)
    assert [each.name for each in tmp_path.iterdir()] == ["secret.csv"]


# The archive is the one folder that DuckDB itself may reach: statements must not use that.
ARCHIVE = [
    "copy span to '{archive}/stolen.csv'",
    "copy (select 1) to '{archive}/span/stolen.parquet' (format parquet)",
    "with w as (copy span to '{archive}/stolen.csv') select * from w",
    "copy position from '{archive}/secret.csv'",
    "export database '{archive}/stolen'",
    "attach '{archive}/other.duckdb' as other",
    "select * from '{archive}/secret.csv'",
    "select * from '{archive}/*.parquet'",
    'select * from "{archive}/secret.csv"',
    "select * from read_csv('{archive}/secret.csv')",
    "select * from read_parquet('{archive}/**/*.parquet')",
    "select * from parquet_scan('{archive}/**/*.parquet')",
    "select * from parquet_metadata('{archive}/**/*.parquet')",
    "select * from read_text('{archive}/secret.csv')",
    "select * from glob('{archive}/**')",
    "select * from query('from read_text(''{archive}/secret.csv'')')",
    "create view archived_span as select 1",
    "set allowed_directories = ['/']",
    "delete from sealed_file",
]


@pytest.mark.parametrize("sql", ARCHIVE)
def test_free_sql_does_not_reach_into_the_archive_by_itself(
    reader: Reader, store: Store, sql: str
) -> None:
    (store.archive / "secret.csv").write_text("a,b\n1,2\n")

    with pytest.raises(RefusedSql) as refusal:
        reader.free(sql.replace("{archive}", str(store.archive)), limit=100)

    assert "1,2" not in str(refusal.value)
    assert [each.name for each in store.archive.iterdir()] == ["secret.csv"]


# Behind the guard DuckDB itself refuses: no path leads out of the archive folder.
OUTSIDE = [
    "from read_text('{dir}/secret.csv')",
    "from read_text('{archive}/../../secret.csv')",
    "from read_text('{archive}/./x/../../../secret.csv')",
    "from read_text('{archive}/link.csv')",
    "from read_text('{archive}-set-aside/secret.csv')",
    "copy (select 1) to '{dir}/stolen.csv'",
    "copy (select 1) to '{archive}/../stolen.csv'",
    "attach '{dir}/other.duckdb' as other",
    "set allowed_directories = ['/']",
    "set enable_external_access = true",
    "reset enable_external_access",
]


@pytest.mark.parametrize("sql", OUTSIDE)
def test_duckdb_itself_reaches_no_file_outside_the_archive(tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    with Store(tmp_path / "data" / "watchkeeper.duckdb") as opened:
        (opened.archive / "link.csv").symlink_to(tmp_path / "secret.csv")
        aside = opened.archive.with_name("archive-set-aside")
        aside.mkdir()
        (aside / "secret.csv").write_text("a,b\n1,2\n")
        for name, place in (("{archive}", opened.archive), ("{dir}", tmp_path)):
            sql = sql.replace(name, str(place))

        with pytest.raises(duckdb.Error, match=r"disabled by configuration|locked"):
            opened.cursor().execute(sql).fetchall()

    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "secret.csv"]


@pytest.mark.parametrize(
    "sql", ["", "   ", ";", "-- nothing", "select", "\0", "select '", "(" * 50_000]
)
def test_what_is_no_statement_is_refused_in_words(reader: Reader, sql: str) -> None:
    with pytest.raises(RefusedSql):
        reader.free(sql, limit=1)


@pytest.mark.parametrize("depth", [100, 400, 10_000])
def test_a_deeply_nested_statement_is_answered_or_refused_but_harms_nobody(
    reader: Reader, depth: int
) -> None:
    sql = "select " + "(" * depth + "1" + ")" * depth
    with suppress(RefusedSql):
        reader.free(sql, limit=1)

    assert reader.free("select 1 as one", limit=1).to_pylist() == [{"one": 1}]


def test_a_mistake_in_a_question_is_explained(reader: Reader) -> None:
    with pytest.raises(RefusedSql, match="no_such_column"):
        reader.free("select no_such_column from runs", limit=1)


def test_no_more_rows_than_the_limit_come_back(reader: Reader) -> None:
    assert reader.free("select * from range(100000)", limit=7).num_rows == 7


def test_an_answer_too_large_to_hold_is_refused(reader: Reader) -> None:
    with pytest.raises(RefusedSql, match="larger"):
        reader.free("select repeat('x', 1000) || range from range(400000)", limit=400000)


@pytest.mark.parametrize(
    "sql",
    [
        "select len(range(400000000))",
        "select len(generate_series(1, 400000000))",
        "select len(repeat('x', 3000000000))",
        "select repeat('x', 1000 * 1000 * 1000)",
        "select repeat('x', range * 100000) from range(10000)",
        "select 'x'.repeat(2000000)",
        "select lpad('x', 2000000000, 'y')",
        "select rpad('x', 2000000000, 'y')",
        "select list_resize([1], 500000000)",
        "select * from unnest(range(400000000))",
        "select format('{:>1000000000}', 'x')",
        "select format('{:>' || '1000000000}', 'x')",
        "select format('{:>{}}', 'x', 1000000000)",
        "select printf('%2000000000d', 1)",
        "select printf('%*d', 2000000000, 1)",
        "select levenshtein(name, name) from spans",
        "select list_transform(range(1000), lambda x: range(1000))",
        "select list_transform([1], lambda x: list_transform([2], lambda y: [x, y]))",
    ],
)
def test_one_call_cannot_make_a_value_that_no_limit_stops(reader: Reader, sql: str) -> None:
    with pytest.raises(RefusedSql, match=r"here|within a lambda"):
        reader.free(sql, limit=1)


def test_many_values_come_one_after_another(reader: Reader) -> None:
    [row] = reader.free("select count(*) as n from range(3000000)", limit=1).to_pylist()
    assert row == {"n": 3000000}
    assert reader.free("select lpad('7', 3, '0'), range(3), printf('%05d', 7)", limit=1).num_rows


def test_an_answer_of_wide_rows_is_bounded_while_it_is_fetched(reader: Reader) -> None:
    with reader.exported("select range from range(5000)") as batches:
        assert max(batch.num_rows for batch in batches) <= 1000


def test_a_huge_cross_join_is_stopped_at_the_time_limit(store: Store) -> None:
    impatient = Reader(store, Bounds(free_time_limit_s=0.3))
    began = time.monotonic()

    with pytest.raises(TimeLimit, match=r"0\.3 s"):
        impatient.free(
            "select count(*) from range(1000000) a, range(1000000) b, range(1000000) c"
            " where a.range + b.range = c.range * 3 + 1",
            limit=1,
        )

    assert time.monotonic() - began < 5


def test_rows_that_are_too_slow_to_fetch_are_stopped_at_the_time_limit(store: Store) -> None:
    impatient = Reader(store, Bounds(free_time_limit_s=0.3))

    with pytest.raises(TimeLimit, match=r"0\.3 s"):
        impatient.free(
            "select a.range from range(1000000) a, range(1000000) b"
            " where sqrt(a.range * b.range + 2) = -1",
            limit=1,
        )


def test_a_question_that_finds_no_free_reader_is_told_to_come_back(store: Store) -> None:
    full = Reader(store, Bounds(at_once=1, patience_s=0.05))

    with full._snapshot(1.0), pytest.raises(Busy, match="ask again"):
        full.text("select 1")

    assert full.text("select 1 as one").num_rows == 1


def test_a_named_question_cannot_write_either(reader: Reader) -> None:
    with pytest.raises(duckdb.Error, match="read-only"):
        reader.text("delete from position")


@given(st.text(max_size=60))
def test_no_text_gets_past_the_guard_and_changes_anything(reader: Reader, text: str) -> None:
    with suppress(RefusedSql, TimeLimit):
        reader.free(text, limit=1)

    assert reader.rows("apply/position") == [{"sequence": 41}]
