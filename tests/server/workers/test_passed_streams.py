from __future__ import annotations

import os
import resource
import socket
import sys

import pytest

from duologue.server.workers.passed_streams import pass_stream, streams_pair, take_stream

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows passes no sockets")


def test_an_end_arrives_with_the_number_of_the_worker_that_it_is_for() -> None:
    one, other = streams_pair()
    ours, theirs = socket.socketpair()
    with one, other, ours:
        with theirs:
            pass_stream(one, 70_000, theirs.fileno())
        taken = take_stream(other)
        assert taken is not None
        number, end = taken
        with socket.socket(fileno=end) as passed:
            passed.send(b"hello")
            assert (number, ours.recv(5)) == (70_000, b"hello")
        with pytest.raises(BlockingIOError):
            take_stream(other)


def test_without_a_free_descriptor_an_end_is_lost_and_no_other() -> None:
    one, other = streams_pair()
    ours, theirs = socket.socketpair()
    with one, other, ours, theirs:
        pass_stream(one, 1, theirs.fileno())
        pass_stream(one, 2, theirs.fileno())
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
        try:
            assert take_stream(other) is None
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        taken = take_stream(other)
        assert taken is not None
        os.close(taken[1])
        assert taken[0] == 2


def test_a_process_that_takes_nothing_is_an_error_and_no_wait() -> None:
    one, other = streams_pair()
    with one, other:

        def fill() -> None:
            for _ in range(100_000):
                pass_stream(one, 1, 0)

        with pytest.raises(OSError, match=r"temporarily|references"):
            fill()
