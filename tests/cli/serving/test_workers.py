from __future__ import annotations

import os
from dataclasses import replace

import pytest

from duologue.cli.errors import UsageError
from duologue.cli.serving.options import ServeOptions
from duologue.cli.serving.workers import become_parent, bound_socket, worker_count
from duologue.errors import DuologueError
from duologue.server.run.listening_socket import bind

PLAIN = ServeOptions(port=0)


def test_without_the_option_one_process_serves_and_opens_its_own_socket() -> None:
    assert worker_count(PLAIN) is None
    assert bound_socket(PLAIN) is None


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("3", 3), ("512", 512)])
def test_a_number_is_a_number(text: str, count: int) -> None:
    assert worker_count(replace(PLAIN, workers=text)) == count


def test_auto_is_one_for_each_core_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert worker_count(replace(PLAIN, workers="auto")) == 3


@pytest.mark.parametrize("text", ["0", "-1", "513", "two", "", "1.5"])
def test_what_is_no_number_of_workers_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="a number from 1 to 512 is expected, or auto"):
        worker_count(replace(PLAIN, workers=text))


def test_windows_and_the_inspector_say_what_they_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--inspect shows the calls of one process"):
        worker_count(replace(PLAIN, workers="2", inspect=True))
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(UsageError, match="Windows cannot pass a connection"):
        worker_count(replace(PLAIN, workers="2"))


def test_a_descriptor_is_taken_and_one_that_is_none_is_refused() -> None:
    bound = bind("127.0.0.1", 0)
    adopted = bound_socket(replace(PLAIN, fd=os.dup(bound.fileno())))
    assert adopted is not None
    assert adopted.getsockname() == bound.getsockname()
    with pytest.raises(UsageError, match="--reuse-port is for a socket that the server opens itself"):
        bound_socket(replace(PLAIN, fd=bound.fileno(), reuse_port=True))
    adopted.close()
    bound.close()
    with pytest.raises(UsageError, match="descriptor 4000 is no socket"):
        bound_socket(replace(PLAIN, fd=4000))


def test_a_shared_port_is_bound() -> None:
    bound = bound_socket(replace(PLAIN, reuse_port=True))
    assert bound is not None
    bound.close()


def test_a_port_that_is_taken_is_said_before_any_worker_is_started() -> None:
    taken = bind("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(DuologueError, match=f"cannot listen on 127.0.0.1:{port}"):
        become_parent(replace(PLAIN, port=port, workers="2"), 2, None, tls=False, phones=None)
    taken.close()
