"""Decoding and encoding against the official SDK, orjson and json, on the same frames in the same rounds.

`msgspec` is the bare decoder of the same classes: what is above it is spent on long audio, which it reads faster than
that, and on being ready for frames that the classes do not allow.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import msgspec
import orjson
from openai._models import construct_type_unchecked
from openai.types.live import ConnectServerEvent
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import TypeAdapter

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._frames import (
    AUDIO,
    AUDIO_DELTA,
    BETA_TEXT_DELTA,
    LIVE_AUDIO_DELTA,
    LIVE_TRANSCRIPT_DELTA,
    NEW_FIELD_TEXT_DELTA,
    RESPONSE_DONE,
    TEXT_DELTA,
)
from bench._rounds import median_us, report
from duologue import decode, encode
from duologue.codec import decode_live, encode_append
from duologue.events import AnyClientEvent, AnyServerEvent, InputAudioBufferAppendEvent

FRAMES = {
    "text_delta": TEXT_DELTA,
    "audio_delta": AUDIO_DELTA,
    "response_done": RESPONSE_DONE,
    "beta_text_delta": BETA_TEXT_DELTA,
    "new_field_text_delta": NEW_FIELD_TEXT_DELTA,
}

LIVE_FRAMES = {"live_audio_delta": LIVE_AUDIO_DELTA, "live_transcript_delta": LIVE_TRANSCRIPT_DELTA}

TODAYS = ("text_delta", "audio_delta", "response_done")
"""Frames that every typed reader takes."""

TYPED = ("sdk", "pydantic_union", "openai_agents", "pipecat")
"""Readers that yield typed events; the others yield dicts."""


def parse_with_sdk(frame: str) -> object:
    """What the official SDK's connection does with a message."""
    return construct_type_unchecked(value=json.loads(frame), type_=cast(Any, RealtimeServerEvent))


def peers() -> dict[str, Callable[[str], object]]:
    """Other typed readers of today's frames: the SDK's union validated by pydantic, and what else is installed."""
    found: dict[str, Callable[[str], object]] = {"pydantic_union": TypeAdapter(RealtimeServerEvent).validate_json}
    if find_spec("agents") is not None:
        agents = import_module("agents.realtime.openai_realtime")
        found["openai_agents"] = agents.get_server_event_type_adapter().validate_json
    if find_spec("pipecat") is not None:
        found["pipecat"] = import_module("pipecat.services.openai.realtime.events").parse_server_event
    return found


def append_with_dict() -> bytes:
    """An audio append made by hand: base64, a dict, orjson."""
    return orjson.dumps({"type": "input_audio_buffer.append", "audio": b64encode(AUDIO).decode("ascii")})


def measure_decoding() -> dict[str, dict[str, float]]:
    """Microseconds to read each frame, by reader."""
    readers: dict[str, Callable[[str], object]] = {
        "duologue": decode,
        "orjson": orjson.loads,
        "json": json.loads,
        "sdk": parse_with_sdk,
    }
    bare = msgspec.json.Decoder(AnyServerEvent | AnyClientEvent).decode
    todays: dict[str, Callable[[str], object]] = readers | {"msgspec": bare} | peers()
    live = readers | {
        "duologue": decode_live,
        "sdk": lambda frame: construct_type_unchecked(value=json.loads(frame), type_=cast(Any, ConnectServerEvent)),
    }
    measured = {
        name: median_us(
            {reader: partial(read, frame) for reader, read in (todays if name in TODAYS else readers).items()}
        )
        for name, frame in FRAMES.items()
    }
    return measured | {
        name: median_us({reader: partial(read, frame) for reader, read in live.items()})
        for name, frame in LIVE_FRAMES.items()
    }


def measure_encoding() -> dict[str, dict[str, float]]:
    """Microseconds to write a text delta, and an append of 100 ms from its bytes, by writer."""
    event, as_dict = decode(TEXT_DELTA), orjson.loads(TEXT_DELTA)
    return {
        "text_delta": median_us(
            {
                "duologue": partial(encode, event),
                "orjson": partial(orjson.dumps, as_dict),
                "json": partial(json.dumps, as_dict),
            }
        ),
        "append": median_us(
            {
                "duologue": lambda: encode_append(AUDIO),
                "as_event": lambda: encode(InputAudioBufferAppendEvent.from_audio(AUDIO)),
                "base64_and_copy": lambda: bytearray(b64encode(AUDIO)),
                "orjson": append_with_dict,
            }
        ),
    }


def figures_of(verb: str, measured: dict[str, dict[str, float]]) -> dict[str, float]:
    """Flat figures: our time, its share of each other's, and how often it fits into the SDK's."""
    figures: dict[str, float] = {}
    for name, us in measured.items():
        ours = us["duologue"]
        figures[f"{verb}_{name}_us"] = round(ours, 3)
        for other, theirs in us.items():
            if other in TYPED:
                figures[f"{verb}_{name}_times_{other}"] = round(theirs / ours, 1)
            elif other != "duologue":
                figures[f"{verb}_{name}_of_{other}"] = round(ours / theirs, 3)
    return figures


def table_of(verb: str, measured: dict[str, dict[str, float]]) -> list[str]:
    """A line for each frame: microseconds of each, and how often ours fits into theirs."""
    lines: list[str] = []
    for name, us in measured.items():
        others = "   ".join(
            f"{other} {theirs:.2f} ({theirs / us['duologue']:.1f}x)"
            for other, theirs in us.items()
            if other != "duologue"
        )
        lines.append(f"{verb} {name:21} {us['duologue']:6.2f}   {others}")
    return lines


def main() -> None:
    """Measure, and print."""
    decoding, encoding = measure_decoding(), measure_encoding()
    report(
        figures_of("decode", decoding) | figures_of("encode", encoding),
        "\n".join(
            [
                "microseconds a frame, medians; in brackets how often ours fits in",
                *table_of("decode", decoding),
                *table_of("encode", encoding),
            ]
        ),
    )


if __name__ == "__main__":
    main()
