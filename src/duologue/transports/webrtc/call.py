"""A call as a transport. A stand-in, until the real one is here: text passes, sound does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from duologue.errors import ConnectionClosed
from duologue.transports.base import Transport
from duologue.transports.webrtc.peer import Peer

__all__ = ["CallTransport"]


class CallTransport:
    """Text of the data channel and of sidebands."""

    def __init__(self, peer: Peer, *, new_id: Callable[[str], str], call_id: str) -> None:
        self._peer = peer
        self.call_id = call_id
        self.is_connected = False
        self._sidebands: set[Transport] = set()
        self._from_sidebands: asyncio.Queue[str] = asyncio.Queue()
        self._created: str | bytes = ""

    async def send(self, message: str | bytes, /) -> None:
        assert isinstance(message, str)
        if '"session.created"' in message:
            self._created = message
        await self._peer.send(message)
        self.is_connected = True
        for sideband in self._sidebands:
            with suppress(ConnectionClosed):
                await sideband.send(message)

    async def receive(self) -> str | bytes:
        get = asyncio.ensure_future(self._from_sidebands.get())  # noqa: TID251
        receive = asyncio.ensure_future(self._peer.receive())  # noqa: TID251
        try:
            await asyncio.wait((get, receive), return_when=asyncio.FIRST_COMPLETED)
            return get.result() if get.done() else receive.result()
        finally:
            get.cancel()
            receive.cancel()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._peer.close()
        for sideband in tuple(self._sidebands):
            await sideband.close(code, reason)

    async def attach(self, sideband: Transport) -> None:
        self._sidebands.add(sideband)
        await sideband.send(self._created)
        try:
            while True:
                message = await sideband.receive()
                assert isinstance(message, str)
                self._from_sidebands.put_nowait(message)
        except ConnectionClosed:
            pass
        finally:
            self._sidebands.discard(sideband)
