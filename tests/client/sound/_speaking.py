"""A scripted server that speaks, a conversation with it in virtual time, and sinks that the test looks into."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from duologue.audio.formats import PCM, Encoding
from duologue.client import Conversation, converse
from duologue.events import InputAudioBufferClearEvent
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.sound import AudioSink, PullSink
from duologue.testing import Expect, ScriptedServer, Send
from tests.client._frames import Json, added, audio_delta, created, done, ended, message, unasked

__all__ = ["CUE", "HandDevice", "HandedOver", "cue", "cut_at", "hears", "sound", "speaks", "talking"]


@asynccontextmanager
async def talking(server: ScriptedServer, **options: Any) -> AsyncGenerator[Conversation, None]:
    """A conversation with a scripted server, which leaves no task; the server found no fault."""
    before = asyncio.all_tasks()
    policy = ReconnectPolicy(first_delay_s=0.01, max_delay_s=0.05)
    async with converse(open_connection=server.connect, reconnect=policy, **options) as conversation:
        yield conversation
    assert server.faults == []
    assert asyncio.all_tasks() == before


CUE = Expect("input_audio_buffer.clear")
"""The server waits for `cue`."""


async def cue(conversation: Conversation) -> None:
    """Let the server begin."""
    await conversation.send(InputAudioBufferClearEvent())


def sound(ms: int) -> bytes:
    """Speech of the model of this length, without silence."""
    return b"\x01\x02" * (PCM.rate_hz * ms // 1000)


def speech(audio: bytes, *, response_id: str = "resp_1", item_id: str = "item_1", pieces: int = 1) -> tuple[Json, ...]:
    """All frames of a response that says this."""
    item, size = message(item_id, "assistant", status="in_progress"), len(audio) // pieces
    place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    return (
        unasked(created(response_id)),
        added(item),
        *(audio_delta(response_id, item_id, audio[at : at + size]) for at in range(0, len(audio), size)),
        {"type": "response.output_audio.done", **place},
        done(item),
        unasked(ended(response_id, item)),
    )


def speaks(ms: int, *, response_id: str = "resp_1", item_id: str = "item_1") -> Send:
    """A response of which all speech comes at once."""
    return Send(*speech(sound(ms), response_id=response_id, item_id=item_id, pieces=max(1, ms // 100)))


def hears(what: str) -> Send:
    """The server hears the user: "started" or "stopped"."""
    at = "audio_start_ms" if what == "started" else "audio_end_ms"
    return Send({"type": f"input_audio_buffer.speech_{what}", "item_id": "item_9", at: 0})


async def cut_at(server: ScriptedServer) -> int:
    """Where the client cuts the item."""
    cut = await server.wait_for("conversation.item.truncate")
    assert (cut["item_id"], cut["content_index"]) == ("item_1", 0)
    ms: int = cut["audio_end_ms"]
    return ms


class HandedOver(AudioSink):
    """A sink that swallows what it gets, and knows when that was."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.begun = asyncio.Event()
        self.n_dropped = 0
        self.is_closed = False

    def write(self, audio: bytes) -> None:
        self.frames.append((asyncio.get_running_loop().time(), audio))
        self.begun.set()

    def drop(self) -> None:
        self.n_dropped += 1

    def close(self) -> None:
        self.is_closed = True

    @property
    def audio(self) -> bytes:
        return b"".join(audio for _, audio in self.frames)

    @property
    def ms(self) -> int:
        return PCM.duration_ms(len(self.audio))

    @property
    def began_at_s(self) -> float:
        return self.frames[0][0]

    async def until(self, ms: int) -> None:
        """Wait until so much has been heard."""
        await self.begun.wait()
        await asyncio.sleep(self.began_at_s + ms / 1000 - asyncio.get_running_loop().time())


class HandDevice(PullSink):
    """A loudspeaker that takes 20 ms when the test says so, and is heard so much later."""

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self.now_s = 50.0
        self.played = b""
        self.is_closed = False
        self._delay_s = delay_s

    async def open(self, session: Encoding) -> Encoding:
        return session

    def start(self, take: Any) -> None:
        self._take = take

    def now(self) -> float:
        return self.now_s

    async def close(self) -> None:
        self.is_closed = True

    def pass_blocks(self, count: int) -> None:
        for _ in range(count):
            self.played += self._take(PCM.bytes_for_ms(20), self.now_s + self._delay_s)
            self.now_s += 0.02
