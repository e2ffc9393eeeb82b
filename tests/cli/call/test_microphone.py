"""Talking by microphone, with a device whose time the test controls."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from duologue import connect
from duologue.cli.call.microphone import MicrophoneTalk
from duologue.cli.call.talker import SessionSettings, Talker
from duologue.cli.turns.observations import Observation
from duologue.cli.turns.turn import Turn
from duologue.client.sound.devices import BLOCK_MS, Play, Record
from duologue.errors import ConnectionClosedError
from duologue.transports import MemoryTransport, memory_pair
from tests.cli.conftest import Command, Place, running

RATE_HZ = 24_000


class HandDevice:
    """A sound device whose time passes when the test says so."""

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self.now_s = 100.0
        self.running = asyncio.Event()
        self.stopped = False
        self.played = b""
        self._delay_s = delay_s
        self._loop = asyncio.get_running_loop()

    def start(self, *, input_hz: int, output_hz: int, record: Record, play: Play) -> None:
        self.rates_hz = (input_hz, output_hz)
        self._record, self._play = record, play
        self._loop.call_soon_threadsafe(self.running.set)

    def stop(self) -> None:
        self.stopped = True

    def pass_block(self, recorded: bytes | None = None) -> None:
        """Let one block be recorded and played."""
        n_bytes = 2 * self.rates_hz[1] * BLOCK_MS // 1000
        self.played += self._play(n_bytes, self.now_s + self._delay_s)
        self.now_s += BLOCK_MS / 1000
        self._record(recorded if recorded is not None else bytes(2 * self.rates_hz[0] * BLOCK_MS // 1000))

    def pass_blocks(self, count: int) -> None:
        """Let silence be recorded."""
        for _ in range(count):
            self.pass_block()


class Server:
    """A fake server."""

    def __init__(self, end: MemoryTransport) -> None:
        self._end = end
        self.appended = 0

    async def send(self, kind: str, **fields: Any) -> None:
        await self._end.send(json.dumps({"type": kind, "event_id": "e", **fields}))

    async def speak(self, audio: bytes, *, item: str = "item_1", response: str = "resp_1") -> None:
        places = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        await self.send("response.output_audio.delta", **places, delta=b64encode(audio).decode())

    async def asked(self, kind: str) -> dict[str, Any]:
        """The next event of this type; appends are counted on the way."""
        while True:
            event: dict[str, Any] = json.loads(await self._end.receive())
            self.appended += event["type"] == "input_audio_buffer.append"
            if event["type"] == kind:
                return event


class Scene:
    """An open talk."""

    def __init__(self, device: HandDevice, server: Server, end: MemoryTransport, turns: list[Turn]) -> None:
        self.device, self.server, self.end, self.turns = device, server, end, turns
        self.seen: asyncio.Queue[str | None] = asyncio.Queue()
        self.talking: asyncio.Task[None] | None = None

    async def until_seen(self, kind: str) -> None:
        while await self.seen.get() != kind:
            pass

    async def speak(self, audio: bytes, **place: str) -> None:
        """Let the server speak, and wait until that has come."""
        await self.server.speak(audio, **place)
        await self.until_seen("response.output_audio.delta")


SESSION = {"type": "realtime", "id": "s", "object": "realtime.session"}


@asynccontextmanager
async def scene(*, delay_s: float = 0.0, session: dict[str, Any] | None = None) -> AsyncGenerator[Scene, None]:
    ours, theirs = memory_pair()
    device, server, turns = HandDevice(delay_s=delay_s), Server(theirs), list[Turn]()
    here = Scene(device, server, theirs, turns)
    listeners: list[Any] = []

    def observe(observation: Observation) -> None:
        for listener in listeners:
            listener(observation)
        if observation.direction == "received":
            here.seen.put_nowait(observation.event.type)

    async with asyncio.timeout(5), connect(transport=ours) as connection:
        talker = Talker(connection, observe=observe, watch=lambda progress: None, timeout_s=5)
        async with talker:
            await server.send("session.created", session=session or SESSION)
            beginning = asyncio.ensure_future(talker.start(SessionSettings()))
            await server.asked("session.update")
            await server.send("session.updated", session=session or SESSION)
            await beginning
            talk = MicrophoneTalk(talker, device, turn_began=turns.append, now_s=lambda: device.now_s)
            listeners.append(talk.observe)
            here.talking = asyncio.ensure_future(talk.run())
            try:
                await device.running.wait()
                yield here
                await theirs.close(1000)
                await here.talking
            finally:
                here.talking.cancel()
                await asyncio.gather(here.talking, return_exceptions=True)
                assert device.stopped


def appended(event: dict[str, Any]) -> bytes:
    return b64decode(event["audio"])


def heard_ms(ms: int) -> bytes:
    """Speech of the server of this length, without silence."""
    return b"\x01\x02" * (RATE_HZ * ms // 1000)


async def test_recorded_audio_is_sent_in_pieces_of_40_ms() -> None:
    async with scene() as here:
        recorded = bytes(range(240)) * 16
        for at in range(0, len(recorded), 960):
            here.device.pass_block(recorded[at : at + 960])
        sent = [appended(await here.server.asked("input_audio_buffer.append")) for _ in range(2)]
        assert b"".join(sent) == recorded
        assert {len(piece) for piece in sent} == {1920}


async def test_the_session_s_formats_are_those_of_the_device_and_of_the_wire() -> None:
    formats = {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcma"}}}
    async with scene(session={**SESSION, "audio": formats}) as here:
        assert here.device.rates_hz == (8_000, 8_000)
        here.device.pass_blocks(2)
        assert appended(await here.server.asked("input_audio_buffer.append")) == b"\xff" * 320
        await here.speak(b"\xd5" * 160)
        here.device.pass_block()
        assert here.device.played == b"\x08\x00" * 160


async def test_the_server_s_speech_is_played_also_when_a_piece_ends_within_a_sample() -> None:
    async with scene() as here:
        speech = heard_ms(40)
        for piece in (speech[:101], speech[101:]):
            await here.speak(piece)
        here.device.pass_blocks(3)
        assert here.device.played == speech


async def test_when_the_user_speaks_playback_stops_at_once_and_the_item_is_truncated_to_what_was_played() -> None:
    async with scene() as here:
        await here.server.send("response.created", response={"id": "resp_1"})
        await here.speak(heard_ms(1000))
        here.device.pass_blocks(15)
        await here.server.send("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=0)
        await here.until_seen("input_audio_buffer.speech_started")
        before = here.device.played
        here.device.pass_block()
        assert here.device.played == before == heard_ms(300)
        truncate = await here.server.asked("conversation.item.truncate")
        assert (truncate["item_id"], truncate["content_index"], truncate["audio_end_ms"]) == ("item_1", 0, 300)


async def test_what_is_still_inside_the_device_does_not_count_as_played() -> None:
    async with scene(delay_s=0.1) as here:
        await here.speak(heard_ms(1000))
        here.device.pass_blocks(15)
        await here.server.send("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=0)
        assert (await here.server.asked("conversation.item.truncate"))["audio_end_ms"] == 200


async def test_what_still_comes_of_an_interrupted_response_is_not_played_and_the_next_one_is() -> None:
    async with scene() as here:
        await here.server.send("response.created", response={"id": "resp_1"})
        await here.speak(heard_ms(100))
        here.device.pass_block()
        await here.server.send("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=0)
        await here.server.speak(heard_ms(100))
        await here.server.speak(heard_ms(100), item="item_1b")
        await here.server.send("response.done", response={"id": "resp_1", "status": "cancelled"})
        await here.server.send("response.created", response={"id": "resp_2"})
        await here.until_seen("response.created")
        here.device.pass_block()
        assert here.device.played == heard_ms(20)
        await here.speak(heard_ms(20), item="item_3", response="resp_2")
        here.device.pass_block()
        assert here.device.played == heard_ms(40)


async def test_nothing_is_cut_when_nothing_was_being_said() -> None:
    async with scene() as here:
        await here.server.speak(heard_ms(20))
        await here.server.send(
            "response.output_audio.done", response_id="resp_1", item_id="item_1", output_index=0, content_index=0
        )
        await here.until_seen("response.output_audio.done")
        here.device.pass_blocks(3)
        await here.server.send("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=0)
        await here.until_seen("input_audio_buffer.speech_started")
        here.device.pass_blocks(2)
        await here.server.asked("input_audio_buffer.append")
        await here.end.close(1000)
        assert here.talking is not None
        await here.talking
        assert not [m for m in here.end._unread if "truncate" in str(m)]


async def test_each_turn_is_kept_with_its_words_and_the_time_since_the_user_s_last_word() -> None:
    async with scene() as here:
        here.device.pass_blocks(2)
        await here.server.asked("input_audio_buffer.append")
        for number in (1, 2):
            item = f"item_{number}"
            await here.server.send("input_audio_buffer.speech_started", item_id=item, audio_start_ms=0)
            await here.server.send("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=500)
            await here.server.send("response.created", response={"id": f"resp_{number}"})
            await here.server.speak(heard_ms(20), item=f"answer_{number}", response=f"resp_{number}")
            await here.server.send("response.done", response={"id": f"resp_{number}", "status": "completed"})
            await here.until_seen("response.done")
        assert [turn.answered for turn in here.turns] == [True, True]
        assert here.turns[0].latency_ms("audio") is not None


async def test_a_close_ends_the_talk_with_its_reason() -> None:
    async with scene() as here:
        await here.end.close(4000, "enough")
        assert here.talking is not None
        with pytest.raises(ConnectionClosedError, match="enough"):
            await here.talking
        assert here.device.stopped
        here.talking = asyncio.ensure_future(asyncio.sleep(0))


async def test_a_server_that_does_not_read_drops_audio_and_does_not_fill_the_memory() -> None:
    async with scene() as here:
        here.device.pass_blocks(5000)
        await here.speak(heard_ms(40))
        here.device.pass_block()
        await here.server.send("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=0)
        await here.server.asked("conversation.item.truncate")
        assert here.server.appended < 1000


# --- the command


def test_a_microphone_is_instead_of_a_file_or_a_text(command: Command) -> None:
    assert "duologue talk --mic" in command("talk", "--mic", "--say", "hello", code=2).err


_FAKE_LIBRARY = """
import threading, types
class PortAudioError(Exception): pass
class _Stream:
    def __init__(self, *, callback, blocksize, **settings):
        self.callback, self.n_bytes, self.over = callback, 2 * blocksize, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
    def start(self): self.thread.start()
    def close(self):
        self.over.set()
        self.thread.join()
    def run(self):
        blocks = 0
        while not self.over.wait(0.005):
            blocks += 1
            self.block(blocks)
class RawInputStream(_Stream):
    def block(self, blocks):
        wave = (b"\\x00\\x30" * 40 + b"\\x00\\xd0" * 40) * (self.n_bytes // 160)
        self.callback(bytearray(wave if 5 < blocks < 40 else self.n_bytes), 0, None, None)
class RawOutputStream(_Stream):
    def block(self, blocks):
        moments = types.SimpleNamespace(outputBufferDacTime=0.01, currentTime=0.0)
        self.callback(memoryview(bytearray(self.n_bytes)), 0, moments, None)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_whole_talk_by_microphone_ends_well_with_ctrl_c(scripted_server: Place, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text(_FAKE_LIBRARY, encoding="utf-8")
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    with running("talk", "--mic", "--json", *scripted_server.options, PYTHONPATH=paths) as process:
        assert process.stdout is not None
        shown = [next(line for line in process.stdout if '"response.done"' in line)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    summary = json.loads((shown + out.splitlines())[-1])["summary"]
    assert (process.returncode, err, summary["failure"]) == (0, "", None)
    assert summary["transcripts"] == {"user": "hello", "server": "Hello, this is a script."}
