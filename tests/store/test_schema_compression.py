"""What takes the most disk is stored compressed."""

from __future__ import annotations

from pathlib import Path

from collector.store.connection import Store


def test_attributes_are_stored_compressed_and_read_as_json(tmp_path: Path) -> None:
    with Store(tmp_path / "evidence.duckdb") as store:
        cursor = store.cursor()
        cursor.execute("""
            insert into scope by name
            select 1 as scope_hash, '' as name, '' as version, '{}' as attributes,
                0 as dropped_attributes_count, '' as schema_url
        """).fetchall()
        cursor.execute("""
            insert into span by name
            select
                1 as sequence, now() as received_at, 'test' as source, 1 as resource_hash,
                1 as scope_hash, ''::blob as trace_id, ''::blob as span_id, '' as trace_state,
                0 as flags, 'chat' as name, 0 as kind, now() as started_at, n as start_ns,
                n as end_ns, 0 as status_code, '' as status_message,
                '{"app.order": ' || n || ', "app.tenant": "a tenant with a name"}' as attributes,
                0 as dropped_attributes_count, '[]' as events, 0 as dropped_events_count,
                '[]' as links, 0 as dropped_links_count
            from range(5000) as numbers(n)
        """).fetchall()
        store.checkpoint()

        kinds = cursor.execute("""
            select distinct compression from pragma_storage_info('span')
            where column_name = 'attributes' and segment_type = 'JSON'
        """).fetchall()
        orders = cursor.execute("""
            select count(distinct attributes ->> '$."app.order"') from spans
        """).fetchall()

    assert kinds == [("ZSTD",)]
    assert orders == [(5000,)]
