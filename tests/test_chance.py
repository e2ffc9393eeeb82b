"""Chance, and loops that have their own."""

from __future__ import annotations

import asyncio

from duologue.chance import has_own_bytes, loop_has_own, random_bytes, random_number


class Certain(asyncio.SelectorEventLoop):
    """Leaves nothing to chance."""

    def __init__(self) -> None:
        super().__init__()
        loop_has_own(self)

    def random_bytes(self, n: int) -> bytes:
        return b"x" * n

    def random_number(self) -> float:
        return 0.25


def test_bytes_and_numbers_are_random() -> None:
    assert len({random_bytes(16) for _ in range(100)}) == 100
    numbers = [random_number() for _ in range(100)]
    assert len(set(numbers)) > 90
    assert all(0 <= number < 1 for number in numbers)


async def test_they_are_on_an_ordinary_loop_too() -> None:
    assert len({random_bytes(16) for _ in range(100)}) == 100
    assert random_number() != random_number()


def test_whether_bytes_are_the_loops_is_known() -> None:
    async def own() -> bool:
        return has_own_bytes()

    assert not has_own_bytes()
    assert not asyncio.run(own())
    with asyncio.Runner(loop_factory=Certain) as runner:
        assert runner.run(own())


def test_a_loop_may_have_its_own() -> None:
    async def both() -> tuple[bytes, float]:
        return random_bytes(3), random_number()

    with asyncio.Runner(loop_factory=Certain) as runner:
        assert runner.run(both()) == (b"xxx", 0.25)
