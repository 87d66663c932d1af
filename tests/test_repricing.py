"""Jobs that compute costs anew: what is asked, what is kept, and what they survive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from collector import repricing
from collector.costs.price import PriceList, Rates
from collector.errors import RefusedInput
from collector.homefile import HomeFile
from collector.repricing import Repricing, digest_of
from collector.store.connection import Store
from tests.store.test_costs import JANUARY
from tests.store.test_reprice import price_list

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
ASKED = (JANUARY, NOW, "ada", "contract 4711")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("store") / "evidence.duckdb") as opened:
        yield opened


def jobs_of(folder: Path, store: Store, monotonic: Any = lambda: 0.0) -> Repricing:
    prices: HomeFile[PriceList] = HomeFile(
        folder / "prices.yaml", lambda _: PriceList(), PriceList()
    )
    return Repricing(folder / "reprices", store, prices, lambda: NOW, monotonic)


def finished(jobs: Repricing, store: Store) -> None:
    cursor = store.cursor()
    jobs.step(cursor)
    cursor.close()


def test_a_job_is_known_to_the_next_process_before_it_has_begun(
    tmp_path: Path, store: Store
) -> None:
    asked = jobs_of(tmp_path, store).start(*ASKED)

    after = jobs_of(tmp_path, store)
    assert after.get(asked["job_id"])["state"] == "running"
    finished(after, store)
    done = jobs_of(tmp_path, store).all()[0]
    assert (done["state"], done["share"], done["actor"]) == ("done", 1.0, "ada")
    assert done["prices"] == digest_of(PriceList())


def test_one_job_runs_at_a_time(tmp_path: Path, store: Store) -> None:
    jobs = jobs_of(tmp_path, store)
    jobs.start(*ASKED)

    with pytest.raises(RefusedInput, match="already"):
        jobs.start(*ASKED)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((NOW, JANUARY, "ada", "contract"), "before"),
        ((JANUARY, NOW, "", "contract"), "who asks"),
        ((JANUARY, NOW, "ada", " "), "why"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(
    tmp_path: Path, store: Store, asked: tuple[Any, ...], told: str
) -> None:
    with pytest.raises(RefusedInput, match=told):
        jobs_of(tmp_path, store).start(*asked)


def test_a_fault_of_the_machine_waits_and_another_ends_the_job(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    jobs = jobs_of(tmp_path, store, lambda: now[0])
    job_id = jobs.start(*ASKED)["job_id"]

    def broken(*_: Any) -> None:
        raise faults.pop(0)

    faults: list[Exception] = [duckdb.IOException("full"), ZeroDivisionError("wrong")]
    monkeypatch.setattr(repricing, "reprice_part", broken)
    finished(jobs, store)
    finished(jobs, store)
    assert (jobs.get(job_id)["state"], len(faults)) == ("running", 1)
    now[0] = 60.0
    finished(jobs, store)

    assert (jobs.get(job_id)["state"], jobs.get(job_id)["error"]) == ("failed", "wrong")


def test_a_damaged_file_of_a_job_keeps_no_other_from_being_known(
    tmp_path: Path, store: Store
) -> None:
    job_id = jobs_of(tmp_path, store).start(*ASKED)["job_id"]
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"job_id": "c"}')):
        (tmp_path / "reprices" / f"{name}.json").write_text(text)

    assert [job["job_id"] for job in jobs_of(tmp_path, store).all()] == [job_id]


def test_price_lists_that_differ_have_other_digests() -> None:
    lists = [PriceList(), price_list({"large": None}), *(_list(rate) for rate in (1.0, 2.0))]

    assert digest_of(lists[0]) == digest_of(lists[1])
    assert len({digest_of(each) for each in lists}) == 3


def _list(rate: float) -> PriceList:
    return price_list({"large": Rates(rate)})
