from __future__ import annotations

import gc
import platform
from types import SimpleNamespace

import pytest

from duologue.server.run import process


def test_a_process_that_only_serves_has_its_collector_and_allocator_tuned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options, thresholds = dict[int, int](), list[tuple[int, ...]]()
    libc = SimpleNamespace(mallopt=options.__setitem__)
    monkeypatch.setattr(process, "glibc", lambda: libc)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(gc, "set_threshold", lambda *given: thresholds.append(given))
    process.tune_process()
    assert options == dict(process._ALLOCATION)
    assert thresholds == [process._COLLECTOR_THRESHOLDS]


def test_giving_memory_back_does_no_harm() -> None:
    if (libc := process.glibc()) is not None:
        for option, value in process._ALLOCATION:
            assert libc.mallopt(option, value) == 1
        libc.malloc_trim(0)


def test_where_the_c_library_is_another_one_no_memory_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert process.glibc() is None
