from __future__ import annotations

import pytest

from duologue.server.workers.worker_place import VARIABLE, WorkerPlace, worker_place


def test_a_process_without_the_variable_is_no_worker() -> None:
    assert worker_place({}) is None


def test_the_variable_is_read_once_so_that_no_child_takes_it_for_its_own() -> None:
    place = WorkerPlace(control=3, handed=4, streams=5, number=7, workers=2)
    environment = {VARIABLE: place.text}
    assert worker_place(environment) == place
    assert environment == {}


@pytest.mark.parametrize(("cores", "workers", "threads"), [(8, 2, 4), (2, 2, 1), (2, 4, 1), (None, 1, 1)])
def test_each_worker_has_its_share_of_the_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, workers: int, threads: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert WorkerPlace(control=3, handed=4, streams=5, number=7, workers=workers).threads == threads
