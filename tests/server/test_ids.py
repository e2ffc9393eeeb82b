from __future__ import annotations

import asyncio
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from duologue.chance import loop_has_own
from duologue.server.ids import ids_of_worker, kind_in_worker, new_id, worker_of


def test_ids_name_their_kind_and_never_meet() -> None:
    ids = {new_id("item") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"item_[A-Za-z0-9]{21}", each) for each in ids)


def test_ids_that_are_asked_for_again_name_their_worker_and_others_do_not() -> None:
    make = ids_of_worker(new_id, 12)
    assert worker_of(make("live")) == 12
    assert worker_of(f"{kind_in_worker('rtc', 3)}_00ff") == 3
    others = [make("item"), new_id("live"), "rtc_00ff", "rtc_w3", "rtc_w3x_00ff", "_w3_", "rtc_w9999999999_0", ""]
    assert [worker_of(each) for each in others] == [None] * len(others)


def test_ids_of_several_threads_never_meet() -> None:
    with ThreadPoolExecutor(4) as threads:
        made = [list(each) for each in threads.map(lambda _: [new_id("item") for _ in range(2000)], range(4))]
    assert len(set().union(*made)) == 8000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes begin anew on this system")
def test_what_is_ready_is_not_used_in_two_processes() -> None:
    new_id("item")
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, " ".join(new_id("item") for _ in range(64)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="ascii") as theirs:
        made = set(theirs.read().split())
    os.waitpid(child, 0)
    assert len(made) == 64
    assert not made & {new_id("item") for _ in range(64)}


class Counting(asyncio.SelectorEventLoop):
    """The bytes of its ids are the same in each run."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        loop_has_own(self)

    def random_number(self) -> float:
        return 0.0

    def random_bytes(self, n: int) -> bytes:
        self.made += 1
        return bytes([self.made]) * n


def test_the_ids_of_a_loop_with_bytes_of_its_own_are_the_same_in_each_run() -> None:
    async def ids() -> list[str]:
        return [new_id("item") for _ in range(3)]

    made: list[list[str]] = []
    for _ in range(2):
        with asyncio.Runner(loop_factory=Counting) as runner:
            made.append(runner.run(ids()))
        new_id("item")  # outside of it they come from what is ready
    assert made[0] == made[1] == [f"item_{21 * letter}" for letter in "bcd"]
