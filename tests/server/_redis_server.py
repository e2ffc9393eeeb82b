"""A Redis server of this machine on a free port, which a test may stop and start."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.transports._answering import unused_port

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """Keeps what it has in memory, and in a file when it is told to save."""

    def __init__(self, folder: Path) -> None:
        self.port = unused_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.dump = folder / "dump.rdb"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when connections are accepted."""
        assert PROGRAM is not None
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "save": "",
            "dir": str(self.dump.parent),
            "dbfilename": self.dump.name,
            "rdbcompression": "no",  # a test looks for words in it
        }
        command = [PROGRAM, *(word for name, value in options.items() for word in (f"--{name}", value))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
        assert self._process.stdout is not None
        said: list[str] = []
        for line in self._process.stdout:
            said.append(line)
            if "Ready to accept connections" in line:
                return
        raise AssertionError("".join(said))

    def stop(self) -> None:
        """End it, with what it has in memory."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=10)
            self._process = None

    def memory(self) -> bytes:
        """What it has in memory and can be written to."""
        assert self._process is not None
        found = bytearray()
        areas = Path(f"/proc/{self._process.pid}/maps").read_text(encoding="utf-8").splitlines()
        with Path(f"/proc/{self._process.pid}/mem").open("rb", buffering=0) as memory:
            for area in areas:
                where, mode, *_ = area.split()
                begin, _, end = where.partition("-")
                if mode.startswith("rw"):
                    memory.seek(int(begin, 16))
                    found += memory.read(int(end, 16) - int(begin, 16))
        return bytes(found)
