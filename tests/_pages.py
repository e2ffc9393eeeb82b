"""Pages of another origin than the server's, as those of applications are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

__all__ = ["serving_pages"]

_TYPES: Final = {".html": "text/html", ".js": "text/javascript"}


@asynccontextmanager
async def serving_pages(files: Mapping[str, Path | str]) -> AsyncGenerator[str, None]:
    """Serve these for a block, by names such as `index.html`; yields the address of their folder."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        name = head.split(b" ", 2)[1].decode("ascii").removeprefix("/")
        file = files.get(name)
        content = b"" if file is None else file.encode() if isinstance(file, str) else file.read_bytes()
        lines = (
            "HTTP/1.1 404 Not Found" if file is None else "HTTP/1.1 200 OK",
            f"Content-Type: {_TYPES.get(Path(name).suffix, 'text/plain')}; charset=utf-8",
            f"Content-Length: {len(content)}",
            "Connection: close",
        )
        writer.write("\r\n".join((*lines, "", "")).encode() + content)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    finally:
        listening.close()
        await listening.wait_closed()
