"""A Redis server for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server._redis_server import PROGRAM, RedisServer


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that has started, with nothing in it."""
    if PROGRAM is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()
