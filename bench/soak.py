"""An hour's call in compressed time: what a conversation holds in memory when it is long.

Two runs at the rates of real events: the core alone on a clock of its own, and a conversation over a socket as fast as
it goes. `--minutes N` makes the call shorter.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import sys
import time
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench._rounds import report, wants_json
from duologue.client import Conversation, converse
from duologue.codec import encode
from duologue.notices import AudioDelta, ResponseFinished
from duologue.protocol import ClientProtocol
from duologue.protocol.client.core import ConversationCore

TURN_S: Final = 10
TURNS_A_MINUTE: Final = 60 // TURN_S
APPENDS_A_SECOND: Final = 10
DELTAS_A_SECOND: Final = 5
SPEECH_S: Final = 5
"""The model speaks for half of each turn."""

APPEND: Final = bytes(4800)
DELTA: Final = b64encode(bytes(9600)).decode()
QUESTION: Final = "And what would you do if it were to rain for all of that day, and the next one?"
WORDS: Final = "Then I would stay inside, read, and listen to the rain on the roof for a while."

Json = dict[str, Any]


# --- the messages of one turn -----------------------------------------------------------------------------------


def greeting() -> Json:
    """The beginning of the session."""
    return {"type": "session.created", "session": {"type": "realtime", "object": "realtime.session", "id": "sess_1"}}


def hearing(turn: int) -> Iterator[Json]:
    """The user has spoken."""
    user = f"item_user_{turn:06}"
    before = f"item_model_{turn - 1:06}" if turn else None
    part = {"type": "input_audio", "transcript": None}
    item = {"id": user, "object": "realtime.item", "type": "message", "role": "user", "content": [part]}
    transcript = {"item_id": user, "content_index": 0}
    kind = "conversation.item.input_audio_transcription"
    yield {"type": "input_audio_buffer.speech_started", "audio_start_ms": turn * 10_000, "item_id": user}
    yield {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": turn * 10_000 + 4000, "item_id": user}
    yield {"type": "input_audio_buffer.committed", "item_id": user, "previous_item_id": before}
    yield {"type": "conversation.item.added", "previous_item_id": before, "item": {**item, "status": "completed"}}
    yield {"type": "conversation.item.done", "previous_item_id": before, "item": {**item, "status": "completed"}}
    for word in QUESTION.split():
        yield {"type": f"{kind}.delta", **transcript, "delta": f"{word} "}
    yield {
        "type": f"{kind}.completed",
        **transcript,
        "transcript": QUESTION,
        "usage": {"type": "duration", "seconds": 4},
    }


def speaking(turn: int) -> Iterator[Json]:
    """The model answers."""
    user, model, name = f"item_user_{turn:06}", f"item_model_{turn:06}", f"resp_{turn:06}"
    item = {"id": model, "object": "realtime.item", "type": "message", "role": "assistant"}
    part = {"type": "output_audio", "transcript": WORDS}
    place = {"response_id": name, "item_id": model, "output_index": 0, "content_index": 0}
    item_place = {"response_id": name, "output_index": 0}
    response = {"object": "realtime.response", "id": name, "conversation_id": "conv_1", "metadata": None}
    begun = {**item, "status": "in_progress", "content": []}
    complete = {**item, "status": "completed", "content": [part]}
    usage = {"total_tokens": 300, "input_tokens": 200, "output_tokens": 100}
    yield {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}}
    yield {"type": "response.output_item.added", **item_place, "item": begun}
    yield {"type": "conversation.item.added", "previous_item_id": user, "item": begun}
    yield {"type": "response.content_part.added", **place, "part": {"type": "audio", "transcript": ""}}
    words = itertools.cycle(WORDS.split())
    for _ in range(SPEECH_S * DELTAS_A_SECOND):
        yield {"type": "response.output_audio.delta", **place, "delta": DELTA}
        yield {"type": "response.output_audio_transcript.delta", **place, "delta": f"{next(words)} "}
    yield {"type": "response.output_audio.done", **place}
    yield {"type": "response.output_audio_transcript.done", **place, "transcript": WORDS}
    yield {"type": "response.content_part.done", **place, "part": {"type": "audio", "transcript": WORDS}}
    yield {"type": "response.output_item.done", **item_place, "item": complete}
    yield {"type": "conversation.item.done", "previous_item_id": user, "item": complete}
    yield {
        "type": "response.done",
        "response": {**response, "status": "completed", "output": [complete], "usage": usage},
    }


def frames() -> Iterator[tuple[int, list[str]]]:
    """The messages of one turn after another, with the number of the turn."""
    numbers = itertools.count()

    def text(frame: Mapping[str, Any]) -> str:
        return json.dumps({"event_id": f"event_{next(numbers):08}", **frame})

    for turn in itertools.count():
        yield turn, [text(frame) for frame in itertools.chain(hearing(turn), speaking(turn))]


# --- the core alone ---------------------------------------------------------------------------------------------------


def run_core(minutes: int) -> list[int]:
    """Bytes that Python holds after each minute of a call."""
    numbers = itertools.count()

    def new_id(kind: str) -> str:
        return f"{kind}_{next(numbers):08}"

    protocol = ClientProtocol(new_id=new_id)
    core = ConversationCore(new_id=new_id)
    core.receive(protocol.receive(json.dumps({"event_id": "event_0", **greeting()})), now=0.0)
    held: list[int] = []
    tracemalloc.start()
    try:
        for turn, messages in frames():
            now = float(turn * TURN_S)
            for _ in range(TURN_S * APPENDS_A_SECOND):
                core.append(APPEND)
                for event in core.take_events():
                    encode(event)
            for message in messages:
                core.receive(protocol.receive(message), now=now)
                core.take_events()
                for notice in core.take_notices():
                    if isinstance(notice, AudioDelta):
                        core.report_played(notice.item_id, notice.content_index, n_bytes=len(notice.audio))
            core.tick(now + TURN_S)
            if (turn + 1) % TURNS_A_MINUTE == 0:
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
                if len(held) == minutes:
                    return held
    finally:
        tracemalloc.stop()
    raise AssertionError("a call does not end by itself")


# --- a conversation over a socket -------------------------------------------------------------------------------------


def resident_bytes() -> int:
    """Resident bytes of the process; 0 if the system does not report them."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


async def answer_turns(socket: ServerConnection) -> None:
    """A server that reads a turn's audio, and then sends the messages of the turn."""
    await socket.send(json.dumps({"event_id": "event_0", **greeting()}))
    try:
        for _, messages in frames():
            for _ in range(TURN_S * APPENDS_A_SECOND):
                await socket.recv()
            for message in messages:
                await socket.send(message)
    except ConnectionClosed:
        return


async def play(conversation: Conversation) -> None:
    """A loudspeaker that is always on time."""
    async for delta in conversation.audio():
        conversation.report_played(delta.item_id, delta.content_index, n_bytes=len(delta.audio))


async def run_socket(minutes: int) -> list[int]:
    """Resident bytes of a process with both ends, after each minute of a call."""
    held: list[int] = []
    async with serve(answer_turns, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with converse(url) as conversation:
            playing = asyncio.ensure_future(play(conversation))
            async with conversation.stream(ResponseFinished) as ends:
                notices = aiter(ends)
                for turn in range(minutes * TURNS_A_MINUTE):
                    for _ in range(TURN_S * APPENDS_A_SECOND):
                        await conversation.send_audio(APPEND)
                    await anext(notices)
                    if (turn + 1) % TURNS_A_MINUTE == 0:
                        gc.collect()
                        held.append(resident_bytes())
            assert len(conversation.items) == 2 * minutes * TURNS_A_MINUTE
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
    return held


# --- figures ----------------------------------------------------------------------------------------------------------


def run(minutes: int) -> dict[str, float | int | str]:
    """Both runs' figures."""
    began = time.perf_counter()
    core = run_core(minutes)
    core_s = time.perf_counter() - began
    began = time.perf_counter()
    socket = asyncio.run(run_socket(minutes))
    socket_s = time.perf_counter() - began
    items = 2 * TURNS_A_MINUTE * max(minutes - 1, 1)
    return {
        "minutes": minutes,
        "core_first_minute_kib": core[0] // 1024,
        "core_last_minute_kib": core[-1] // 1024,
        "core_growth_bytes_per_item": round((core[-1] - core[0]) / items),
        "core_s": round(core_s, 1),
        "socket_first_minute_mib": round(socket[0] / 2**20, 1),
        "socket_last_minute_mib": round(socket[-1] / 2**20, 1),
        "socket_growth_mib": round((socket[-1] - socket[0]) / 2**20, 1),
        "socket_s": round(socket_s, 1),
    }


def main() -> None:
    """Run, and print."""
    minutes = int(sys.argv[sys.argv.index("--minutes") + 1]) if "--minutes" in sys.argv else 60
    figures = run(minutes)
    audio_mib = minutes * TURNS_A_MINUTE * SPEECH_S * DELTAS_A_SECOND * 9600 / 2**20
    lines = [
        f"a call of {minutes} minutes with {audio_mib:.0f} MiB of speech from the model",
        "",
        f"core alone     {figures['core_first_minute_kib']:>8} KiB after a minute, "
        f"{figures['core_last_minute_kib']} KiB at the end: "
        f"{figures['core_growth_bytes_per_item']} bytes for each item ({figures['core_s']} s)",
        f"over a socket  {figures['socket_first_minute_mib']:>8} MiB after a minute, "
        f"{figures['socket_last_minute_mib']} MiB at the end, both ends ({figures['socket_s']} s)",
    ]
    report(figures, "\n".join(lines))


if __name__ == "__main__":
    if not wants_json():
        sys.stdout.write("calling ...\n")
    main()
