"""Client messages: real ones, and random mutations of them."""

from __future__ import annotations

import base64
import json
from random import Random
from typing import Any, Final

from duologue.catalogue import examples

__all__ = ["LOUD_MS", "QUIET_MS", "Frames", "append"]

LOUD_MS: Final = b"\x00\x40" * 24
QUIET_MS: Final = bytes(48)

_CHANGES: Final = 4
"""Most changes of one message: with more of them nothing is left that the server has not refused at once."""

_ODD_VALUES: Final[tuple[Any, ...]] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        2**64,
        -(2**70),
        0.5,
        -0.0,
        1e308,
        "",
        " ",
        "0",
        "null",
        "auto",
        "inf",
    ),
    *([], {}, [[]], [{}], {"": ""}, "A" * 5000, "\x00", "\ud7ff\ue000", "🙂" * 50, "none", "root", "audio/pcm", "="),
    *({"type": "text"}, [{"type": "input_audio"}], {"type": "message"}, ["text", "audio"], {"id": "root"}),
)

_OWN: Final[tuple[dict[str, Any], ...]] = (
    {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
    {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}}},
    {"type": "session.update", "session": {"type": "transcription"}},
    {"type": "response.create"},
    {"type": "response.create", "response": {"conversation": "none", "input": [], "metadata": {"a": "b"}}},
    {"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "item_1"}]}},
    {"type": "response.cancel"},
    {"type": "response.cancel", "response_id": "resp_1"},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "conversation.item.retrieve", "item_id": "item_1"},
    {"type": "conversation.item.delete", "item_id": "item_1"},
    {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0, "audio_end_ms": 100},
    {"type": "conversation.item.create", "previous_item_id": "root", "item": {"type": "message", "role": "user",
        "content": [{"type": "input_text", "text": "Hello"}]}},
    {"type": "conversation.item.create", "item": {"type": "message", "role": "user",
        "content": [{"type": "input_audio", "audio": base64.b64encode(LOUD_MS * 200).decode()}]}},
    {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "1"}},
)  # fmt: skip


_OWN_OF_LIVE: Final[tuple[dict[str, Any], ...]] = (
    {"type": "session.start", "session": {"model": "gpt-live-1"}},
    {"type": "session.start", "session": {"model": "gpt-live-1", "store": True, "delegation": {"type": "responses",
        "responses": {"model": "m", "tools": [{"type": "function", "name": "f"}]}}}},
    {"type": "session.close"},
    {"type": "session.input_audio.mute"},
    {"type": "session.input_audio.unmute"},
    {"type": "session.commentary.append", "delegation_id": None, "content": "Say this."},
    {"type": "session.commentary.append", "delegation_id": "item_1", "content": "Say this."},
    {"type": "response.create"},
    {"type": "response.item.create", "item": {"type": "message", "role": "user",
        "content": [{"type": "input_text", "text": "Call"}]}},
    {"type": "response.item.create", "item": {"type": "function_call_output", "call_id": "item_1", "output": "1"}},
    {"type": "session.output_audio.fixture.play", "audio": base64.b64encode(LOUD_MS * 300).decode()},
)  # fmt: skip

_APPENDS: Final = {"realtime": "input_audio_buffer.append", "live": "session.input_audio.append"}


def append(pcm16: bytes, *, api: str = "realtime") -> str:
    """An append of this audio."""
    return json.dumps({"type": _APPENDS[api], "audio": base64.b64encode(pcm16).decode()})


class Frames:
    """Makes messages by one chance; two of the same seed make the same."""

    def __init__(self, chance: Random, *, api: str = "realtime") -> None:
        self._chance = chance
        self._api = api
        self._seeds: list[dict[str, Any]] = [dict(frame) for frame in (_OWN if api == "realtime" else _OWN_OF_LIVE)]
        for name, frame in examples().items():
            if name.split(":", 2)[:2] == [api, "client"]:
                self._seeds.append(dict(frame))
        self._server_names = [name.split(":", 2)[2] for name in examples()]

    def next(self, seen: list[str]) -> str | bytes:
        """The next message of a client that has seen these ids."""
        chance = self._chance
        kind = chance.random()
        if kind < 0.25:
            ms = chance.choice((1, 20, 100, 300))
            sound = chance.choice((LOUD_MS, QUIET_MS)) * ms
            return append(sound + bytes(chance.choice((0, 0, 0, 1))), api=self._api)
        frame = self._with_ids(json.loads(json.dumps(chance.choice(self._seeds))), seen)
        if kind < 0.5:
            return json.dumps(frame)
        for _ in range(chance.randint(1, _CHANGES)):
            frame = self._changed(frame)
        text = json.dumps(frame, ensure_ascii=chance.random() < 0.5, allow_nan=True)
        if kind < 0.85:
            return text
        if kind < 0.95:
            return self._damaged(text)
        if kind < 0.98:
            return text.encode("utf-8", "surrogatepass")
        return chance.choice(
            ("", "[]", "null", '"', "{", "[" * 100_000, '{"type":' * 5000, "{}" * 10, "0" * 6000, "\ufeff{}")
        )

    def _with_ids(self, frame: Any, seen: list[str]) -> Any:
        """The message with ids that the session has, in places of ids."""
        if isinstance(frame, dict):
            for key, value in frame.items():
                if (
                    seen
                    and isinstance(value, str)
                    and (key == "id" or key.endswith("_id"))
                    and self._chance.random() < 0.7
                ):
                    frame[key] = self._chance.choice(seen)
                else:
                    self._with_ids(value, seen)
        elif isinstance(frame, list):
            for value in frame:
                self._with_ids(value, seen)
        return frame

    def _changed(self, frame: dict[str, Any]) -> dict[str, Any]:
        """One change anywhere."""
        chance = self._chance
        holder: Any = frame
        while True:
            places = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not places:
                break
            place = chance.choice(places)
            inner = holder[place]
            if isinstance(inner, dict | list) and inner and chance.random() < 0.75:
                holder = inner
                continue
            match chance.randrange(5):
                case 0:
                    del holder[place]
                case 1 | 2:
                    holder[place] = json.loads(json.dumps(chance.choice(_ODD_VALUES)))
                case 3 if isinstance(holder, dict):
                    holder[chance.choice(("new", "type", "id", "audio", "session", "$extra", "item", "event_id"))] = (
                        inner
                    )
                case 3 | 4 if isinstance(holder, list):
                    holder.extend(json.loads(json.dumps(holder)) * chance.choice((1, 20)))
                case _:
                    frame["type"] = chance.choice(self._server_names)
            break
        return frame

    def _damaged(self, text: str) -> str:
        """Not JSON any more, or not the same."""
        chance = self._chance
        for _ in range(chance.randint(1, 5)):
            place = chance.randrange(len(text) + 1)
            match chance.randrange(4):
                case 0:
                    text = text[:place]
                case 1:
                    text = (
                        text[:place]
                        + chance.choice(('"', "{", "}", "\\", "\\u", "\x00", "é", "NaN", "1e999"))
                        + text[place:]
                    )
                case 2:
                    text = text[:place] + text[place + chance.randint(1, 10) :]
                case _:
                    text = text[place:] + text[:place]
        return text
