"""The bytes of a connection, with faults, over a transport that keeps what it is given."""

from __future__ import annotations

import asyncio
import math
from random import Random
from typing import Any

import pytest

from duologue.faults.byte_link import ByteLink

pytestmark = pytest.mark.usefixtures("idle_clock")


class Below(asyncio.Transport):
    """The connection below."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[float, bytes]] = []
        self.calls: list[str] = []
        self.reads = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append((asyncio.get_running_loop().time(), bytes(data)))

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_reading(self) -> bool:
        return self.reads

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.calls.append("write_eof")

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")

    def is_closing(self) -> bool:
        return bool(self.calls)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        return 0


def linked() -> tuple[Below, ByteLink, list[str]]:
    below, told = Below(), list[str]()
    link = ByteLink(below, pause=lambda: told.append("full"), resume=lambda: told.append("room"), chance=Random(1))
    return below, link, told


async def test_without_a_fault_bytes_pass_at_once() -> None:
    below, link, _ = linked()
    link.write(b"one")
    link.write_eof()
    link.close()
    assert [data for _, data in below.written] == [b"one"]
    assert below.calls == ["write_eof", "close"]


async def test_pieces_are_written_one_at_a_time_and_the_close_comes_behind_them() -> None:
    below, link, _ = linked()
    link.slice_bytes = 2
    link.write(b"12345")
    link.close()
    assert (below.written, below.calls) == ([], [])
    await asyncio.sleep(0.1)
    assert [data for _, data in below.written] == [b"12", b"34", b"5"]
    assert below.calls == ["close"]


async def test_bytes_are_late_and_in_order() -> None:
    below, link, _ = linked()
    now = asyncio.get_running_loop().time()
    link.delays.latency_s = 0.2
    link.delays.bytes_per_s = 1000
    link.write(b"x" * 100)
    link.write(b"y" * 100)
    await asyncio.sleep(1)
    assert [round(at - now, 6) for at, _ in below.written] == [0.3, 0.4]


async def test_a_writer_that_is_too_fast_is_told_to_wait() -> None:
    below, link, told = linked()
    link.delays.bytes_per_s = 100_000
    for _ in range(4):
        link.write(b"x" * 100_000)
    assert told == ["full"]
    assert link.get_write_buffer_size() == 400_000
    await asyncio.sleep(10)
    assert told == ["full", "room"]
    assert link.get_write_buffer_size() == 0
    assert len(below.written) == 4


async def test_in_silence_everything_is_lost_for_a_time() -> None:
    below, link, _ = linked()
    link.silence(3)
    link.write(b"lost")
    link.write_eof()
    await asyncio.sleep(3)
    assert not link.is_silent
    link.write(b"heard")
    assert [data for _, data in below.written] == [b"heard"]
    assert below.calls == []


async def test_one_bit_of_the_next_header_is_flipped() -> None:
    below, link, _ = linked()
    link.corrupt_next()
    link.write(b"\x81\x05hello")
    link.write(b"\x81\x05hello")
    await asyncio.sleep(0.1)
    first, second = (data for _, data in below.written)
    assert (first[0] ^ 0x81) in (0x40, 0x20, 0x10)
    assert first[1:] == second[1:]
    assert second[0] == 0x81


async def test_a_reader_that_stopped_is_not_started_by_the_websocket() -> None:
    below, link, _ = linked()
    link.read_slowly(0, 5)
    link.pause_reading()
    link.resume_reading()
    assert not below.is_reading()
    await asyncio.sleep(5)
    assert link.is_reading()


async def test_a_slow_reader_rests_behind_each_read() -> None:
    below, link, _ = linked()
    link.read_slowly(1000, math.inf)
    link.received(b"x" * 500)
    assert not below.is_reading()
    await asyncio.sleep(0.4)
    assert not below.is_reading()
    await asyncio.sleep(0.2)
    assert below.is_reading()


async def test_a_slow_reader_is_fast_again_at_the_end() -> None:
    below, link, _ = linked()
    link.read_slowly(1000, 2)
    await asyncio.sleep(2)
    link.received(b"x" * 5000)
    assert below.is_reading()


async def test_a_reset_drops_what_is_under_way() -> None:
    below, link, _ = linked()
    link.delays.latency_s = 1
    link.write(b"lost")
    link.reset()
    await asyncio.sleep(2)
    assert (below.written, below.calls) == ([], ["abort"])
