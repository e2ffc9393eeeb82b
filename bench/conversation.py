"""The cost of an event in addition to its decoding: in the client's core, and on the server in another dialect.

The frames are those of the hour's call in `soak.py`. Each is decoded and received right after, so that a slow moment
of the machine hits both alike. `--minutes N` makes the call shorter.
"""

from __future__ import annotations

import gc
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report
from bench.soak import TURN_S, TURNS_A_MINUTE, frames, greeting
from duologue.codec import encode, encode_append
from duologue.events import InputAudioBufferClearEvent
from duologue.notices import AudioDelta
from duologue.protocol import ClientProtocol, Command, ServerProtocol
from duologue.protocol.client.core import ConversationCore
from duologue.server.dialect.adapter import DialectAdapter

ROUNDS: Final = 3
"""Hours of the call, each with a core of its own."""

APPEND: Final = bytes(960)
"""20 ms: the smallest piece that clients send, which shows the cost of an event best."""


def counted_ids() -> Callable[[str], str]:
    """Ids as tests have them: the same in every run."""
    numbers = itertools.count()
    return lambda kind: f"{kind}_{next(numbers):08}"


APPENDS: Final = 20_000
"""In each dialect."""

CLEAR_EVERY: Final = 50
"""Appends after which the buffer is emptied: no detector looks at the audio, so that nothing else takes it out."""


# --- the client -------------------------------------------------------------------------------------------------------


def time_call(minutes: int) -> tuple[list[int], list[int]]:
    """Nanoseconds of each frame of a call: decoded, and received by the core with what is taken from it."""
    new_id = counted_ids()
    protocol, core = ClientProtocol(new_id=new_id), ConversationCore(new_id=new_id)
    core.receive(protocol.receive(json.dumps({"event_id": "event_0", **greeting()})), now=0.0)
    decoded: list[int] = []
    received: list[int] = []
    clock = time.perf_counter_ns
    for turn, messages in itertools.islice(frames(), minutes * TURNS_A_MINUTE):
        now = float(turn * TURN_S)
        for message in messages:
            begin = clock()
            event = protocol.receive(message)
            middle = clock()
            core.receive(event, now=now)
            core.take_events()
            notices = core.take_notices()
            end = clock()
            decoded.append(middle - begin)
            received.append(end - middle)
            for notice in notices:
                if isinstance(notice, AudioDelta):
                    core.report_played(notice.item_id, notice.content_index, n_bytes=len(notice.audio))
        core.tick(now + TURN_S)
    return decoded, received


def measure_client(minutes: int) -> dict[str, float]:
    """Medians over the frames, and the core's time as a multiple of the decoding's."""
    decoded: list[int] = []
    received: list[int] = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            round_decoded, round_received = time_call(minutes)
            decoded += round_decoded
            received += round_received
    finally:
        gc.enable()
    decode_us, receive_us = statistics.median(decoded) / 1000, statistics.median(received) / 1000
    return {
        "decode_us": round(decode_us, 2),
        "receive_us": round(receive_us, 2),
        "receive_of_decode": round(receive_us / decode_us, 2),
        "receive_mean_us": round(statistics.fmean(received) / 1000, 2),
        "receive_mean_of_decode": round(statistics.fmean(received) / statistics.fmean(decoded), 2),
    }


# --- the server -------------------------------------------------------------------------------------------------------


def appending(dialect: str) -> Callable[[], object]:
    """A session that is sent an append in a dialect: as text, to the commands that follow from it."""
    new_id = counted_ids()
    protocol = ServerProtocol(new_id=new_id, now=0.0, started_at=0.0)
    accent = DialectAdapter(dialect, new_id=new_id)
    message = encode_append(APPEND, dialect=dialect).decode("ascii")
    clear = encode(InputAudioBufferClearEvent(), dialect=dialect).decode("utf-8")
    appends = itertools.count(1)

    def append() -> list[Command]:
        if next(appends) % CLEAR_EVERY == 0:
            protocol.receive_text(clear, now=0.0, read=accent.read)
        protocol.receive_text(message, now=0.0, read=accent.read)
        assert all(event.type == "input_audio_buffer.cleared" for event in protocol.take_events())
        return protocol.take_commands()

    return append


def measure_server() -> dict[str, float]:
    """What an append costs in the home dialect and in that of the beta: medians over appends that take turns."""
    home, beta = appending("openai"), appending("openai-beta")
    times: dict[str, list[int]] = {"ga": [], "beta": []}
    clock = time.perf_counter_ns
    gc.collect()
    gc.disable()
    try:
        for _ in range(APPENDS):
            begin = clock()
            home()
            middle = clock()
            beta()
            end = clock()
            times["ga"].append(middle - begin)
            times["beta"].append(end - middle)
    finally:
        gc.enable()
    ga_us, beta_us = statistics.median(times["ga"]) / 1000, statistics.median(times["beta"]) / 1000
    return {
        "append_ga_us": round(ga_us, 2),
        "append_beta_us": round(beta_us, 2),
        "append_beta_of_ga": round(beta_us / ga_us, 2),
    }


def main() -> None:
    """Run, and print."""
    minutes = int(sys.argv[sys.argv.index("--minutes") + 1]) if "--minutes" in sys.argv else 60
    figures = measure_client(minutes) | measure_server()
    lines = [
        f"an event in the client's core  {figures['receive_us']:6.2f} µs: "
        f"{figures['receive_of_decode']:.2f} times its decoding (median; mean {figures['receive_mean_us']:.2f} µs)",
        f"an append to the server        {figures['append_ga_us']:6.2f} µs in openai, "
        f"{figures['append_beta_us']:.2f} µs in openai-beta: {figures['append_beta_of_ga']:.2f} times",
    ]
    report(figures, "\n".join(lines))


if __name__ == "__main__":
    main()
