"""A server of calls in memory, which a test plays: its events on the channel, its sound on the track."""

from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from duologue.client import Connection, connect
from duologue.clock import unix_time
from duologue.errors import ConnectionClosed
from duologue.transports.webrtc.client_call import ClientCall
from duologue.transports.webrtc.memory import MemoryPeer, MemoryStack
from duologue.transports.webrtc.peer import PeerSettings
from tests.client._frames import Json, greeting, message, response, session

FRAME_S = 0.02


def tone(n_frames: int, value: int = 1000) -> bytes:
    """So many frames of 20 ms that are not silent."""
    return array("h", [value] * 480).tobytes() * n_frames


class PlayedCall:
    """One call of a server."""

    def __init__(self, peer: MemoryPeer) -> None:
        self.peer = peer
        self.received: list[Json] = []
        self._ids = count(1)
        self._changed = asyncio.Event()

    async def read(self) -> None:
        """Receive until the call is over; a configuration is taken."""
        try:
            while True:
                event = json.loads(await self.peer.receive())
                if event["type"] == "session.update":
                    await self.tell({"type": "session.updated", "session": session("sess_1")})
                self.received.append(event)
                self._changed.set()
        except ConnectionClosed:
            pass

    def sent(self, kind: str) -> list[Json]:
        """What the client has sent of a type."""
        return [each for each in self.received if each["type"] == kind]

    async def expect(self, kind: str, nth: int = 1) -> Json:
        """The nth event of this type, once it is here."""
        async with asyncio.timeout(30):
            while len(found := self.sent(kind)) < nth:
                self._changed.clear()
                await self._changed.wait()
        return found[nth - 1]

    async def tell(self, *frames: Mapping[str, Any]) -> None:
        """Send events."""
        for frame in frames:
            await self.peer.send(json.dumps({"event_id": f"event_{next(self._ids)}", **frame}))

    async def begin(self, response_id: str, item_id: str, asked: Json | None = None) -> None:
        """Begin a response that speaks, and its sound."""
        metadata = (asked or {}).get("response", {}).get("metadata")
        place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        item = message(item_id, "assistant", status="in_progress")
        await self.tell(
            {"type": "response.created", "response": response(response_id, metadata=metadata)},
            {"type": "response.output_item.added", "response_id": response_id, "output_index": 0, "item": item},
            {"type": "conversation.item.added", "previous_item_id": None, "item": item},
            {"type": "response.content_part.added", **place, "part": {"type": "audio", "transcript": ""}},
            {"type": "output_audio_buffer.started", "response_id": response_id},
        )

    async def generated(
        self, response_id: str, item_id: str, asked: Json | None = None, *, status: str = "completed", calls: int = 0
    ) -> None:
        """The response is generated; its sound goes on."""
        metadata = (asked or {}).get("response", {}).get("metadata")
        place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        item = message(item_id, "assistant", "Hello there.", kind="output_audio", status=status)
        await self.tell(
            {"type": "response.output_audio.done", **place},
            {"type": "response.output_audio_transcript.done", **place, "transcript": "Hello there."},
            {"type": "response.content_part.done", **place, "part": {"type": "audio", "transcript": "Hello there."}},
            {"type": "response.output_item.done", "response_id": response_id, "output_index": 0, "item": item},
            {"type": "conversation.item.done", "previous_item_id": None, "item": item},
        )
        for number in range(1, calls + 1):
            await self._call(response_id, number)
        done = response(response_id, status, (item,), metadata=metadata)
        await self.tell({"type": "response.done", "response": done})

    async def _call(self, response_id: str, number: int) -> None:
        call = {
            "type": "function_call",
            "object": "realtime.item",
            "id": f"item_call_{number}",
            "call_id": f"call_{number}",
            "name": "look_up",
            "arguments": "{}",
            "status": "completed",
        }
        place = {"response_id": response_id, "output_index": number}
        await self.tell(
            {"type": "response.output_item.added", **place, "item": {**call, "status": "in_progress"}},
            {"type": "response.output_item.done", **place, "item": call},
            {"type": "conversation.item.done", "previous_item_id": None, "item": call},
        )

    async def play(self, n_frames: int, value: int = 1000) -> None:
        """Play sound for so long."""
        for _ in range(n_frames):
            self.peer.play(tone(1, value))
            await asyncio.sleep(FRAME_S)

    async def stop(self, response_id: str) -> None:
        """All of a response has been played; silence follows."""
        await self.tell({"type": "output_audio_buffer.stopped", "response_id": response_id})
        for _ in range(10):
            self.peer.play(bytes(960))
            await asyncio.sleep(FRAME_S)


class PlayedCalls:
    """A server: each `open` makes a call to it, which is the last of `calls` then."""

    def __init__(self, *, silent_s: float = 3, lasts_s: int | None = None) -> None:
        self.stack = MemoryStack()
        self.calls: list[PlayedCall] = []
        self._settings = PeerSettings(silent_s=silent_s)
        self._lasts_s = lasts_s

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Connection, None]:
        """A connection over a call, for `converse(open_connection=…)`."""
        mine, theirs = self.stack.new_peer(self._settings), self.stack.new_peer(self._settings)
        await mine.connect(await theirs.answer(await mine.offer()))
        call = PlayedCall(theirs)
        self.calls.append(call)
        number = len(self.calls)
        lasts = {} if self._lasts_s is None else {"expires_at": int(unix_time()) + self._lasts_s}
        await call.tell(greeting(f"sess_{number}", **lasts))
        reading = asyncio.ensure_future(call.read())
        try:
            async with connect(transport=ClientCall(mine, call_id=f"rtc_{number}")) as connection:
                yield connection
        finally:
            await theirs.close()
            await asyncio.wait_for(reading, 10)
