from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from duologue.transports.monitor import Monitor


def test_an_attempt_that_succeeds_at_once_waits_for_nothing() -> None:
    assert Monitor().when(lambda: True, 0)


def test_attempts_that_never_succeed_end_with_their_time() -> None:
    monitor = Monitor()
    attempts: list[bool] = []

    def fail() -> bool:
        attempts.append(monitor.lock.locked())
        return False

    assert not monitor.when(fail, 0.01)
    assert attempts == [True, True]  # at once, and a last time
    assert not monitor.lock.locked()


def test_all_who_wait_look_again_after_a_change_and_one_at_a_time_takes_what_there_is() -> None:
    monitor = Monitor()
    there: list[int] = []

    def take(taken: list[int]) -> bool:
        if there:
            taken.append(there.pop())
        return bool(taken)

    def wait() -> list[int]:
        taken: list[int] = []
        assert monitor.when(lambda: take(taken), 10)
        return taken

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(wait) for _ in range(8)]
        for number in range(8):
            with monitor.lock:
                there.append(number)
                monitor.changed()
        assert sorted(taken.result(10)[0] for taken in waiting) == list(range(8))


def test_what_an_attempt_raises_is_raised_and_leaves_nothing_locked() -> None:
    monitor = Monitor()

    def fail() -> bool:
        raise OSError("broken")

    with ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(monitor.when, fail).exception(5), OSError)
    assert not monitor.lock.locked()


def test_a_change_is_seen_by_who_waits_without_a_limit() -> None:
    monitor = Monitor()
    changed = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(monitor.when, changed.is_set)
        with monitor.lock:
            changed.set()
            monitor.changed()
        assert waiting.result(5)
