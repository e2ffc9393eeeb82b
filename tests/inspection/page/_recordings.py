"""Recordings to look at: a call with everything in it, a long one, and one made to do harm.

They are written line by line, with real speech of this package, so that they are the same at every run.
"""

from __future__ import annotations

import base64
import json
import random
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duologue.cli
from duologue.audio.g711 import pcm16_to_ulaw
from duologue.audio.resampling import resample

Json = dict[str, Any]

SPEECH: Final = Path(duologue.cli.__file__).parent / "speech"
_HZ: Final = 8000
_PIECE_MS: Final = 100
_PIECE_BYTES: Final = _HZ * _PIECE_MS // 1000
_FIRST_MS: Final = 300
"""After so much speech the server hears it."""
_SILENCE_MS: Final = 500
_ULAW: Final = {"type": "audio/pcmu"}


def clip(name: str) -> bytes:
    """A clip of the package in µ-law at 8 kHz."""
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        pcm16, rate_hz = file.readframes(file.getnframes()), file.getframerate()
    return pcm16_to_ulaw(resample(pcm16, rate_hz, _HZ))


class Script:
    """Writes the lines of a call whose client has an open microphone and notes what it plays."""

    def __init__(self, *, silence_ms: int = _SILENCE_MS, noise: int = 0) -> None:
        self.lines: list[Json] = []
        self._ids: dict[str, int] = {}
        self._silence_ms = silence_ms
        self._sent_s = 0.0
        dice = random.Random(7)
        quiet = array("h", (dice.randint(-noise, noise) for _ in range(_HZ)))
        self._noise = pcm16_to_ulaw(quiet.tobytes())
        self._pending: list[tuple[float, int, Json]] = []
        self.user: dict[int, bytes] = {}

    # --- lines

    def id(self, kind: str) -> str:
        """The next id of a kind."""
        self._ids[kind] = self._ids.get(kind, 0) + 1
        return f"{kind}_{self._ids[kind]:04d}"

    def client(self, at_s: float, type_name: str, **fields: Any) -> str:
        """The client sends an event; returns its id."""
        event_id = self.id("evt")
        self._add(at_s, {"direction": "sent", "text": _text({"type": type_name, "event_id": event_id, **fields})})
        return event_id

    def server(self, at_s: float, type_name: str, **fields: Any) -> None:
        """The server sends an event."""
        event = {"type": type_name, "event_id": self.id("event"), **fields}
        self._add(at_s, {"direction": "received", "text": _text(event)})

    def note(self, at_s: float, **fields: Any) -> None:
        """The client notes something."""
        self._add(at_s, {"note": fields})

    def closed(self, at_s: float, code: int, reason: str, by: str) -> None:
        """The connection ends."""
        self._add(at_s, {"closed": {"code": code, "reason": reason, "by": by}})

    def _add(self, at_s: float, line: Json) -> None:
        self._pending.append((at_s, len(self._pending), {"at_s": round(at_s, 6), **line}))

    # --- parts of a call

    def opens(self, at_s: float, **asked: Any) -> None:
        """A session is created and updated; the server takes another voice than it is asked for."""
        audio: Json = {
            "input": {
                "format": _ULAW,
                "transcription": {"model": "whisper-1"},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "silence_duration_ms": self._silence_ms,
                    "interrupt_response": True,
                },
            },
            "output": {"format": _ULAW, "voice": "cedar", "speed": 1.1},
        }
        session: Json = {"type": "realtime", "model": "demo-1", "instructions": "Answer in one sentence.", **asked}
        got = json.loads(json.dumps({**session, "id": "sess_0001", "object": "realtime.session", "audio": audio}))
        got["audio"]["output"].update(voice="marin", speed=1.0)
        created = {**got, "instructions": "", "tools": []}
        self.server(at_s, "session.created", session=created)
        self.client(at_s + 0.004, "session.update", session={**session, "audio": audio})
        self.server(at_s + 0.009, "session.updated", session=got)

    def user_says(self, begin_s: float, name: str, words: str, *, late_ms: int = 120) -> tuple[str, float]:
        """The user speaks; returns the item and the moment at which the server has heard the end."""
        speech = clip(name)
        self.user[round(begin_s * _HZ)] = speech
        end_s = begin_s + len(speech) / _HZ
        item_id = self.id("item")
        started_s = begin_s + _FIRST_MS / 1000
        heard_ms = round(end_s * 1000) + self._silence_ms
        stopped_s = -(-heard_ms // _PIECE_MS) * _PIECE_MS / 1000 + 0.02  # when the piece with the end of it has come
        self.server(
            started_s, "input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=round(begin_s * 1000)
        )
        self.server(stopped_s, "input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=heard_ms)
        self.server(stopped_s + 0.001, "input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        item = {"id": item_id, "object": "realtime.item", "type": "message", "role": "user", "status": "completed"}
        item["content"] = [{"type": "input_audio", "transcript": None}]  # type: ignore[assignment]
        self.server(stopped_s + 0.002, "conversation.item.added", item=item, previous_item_id=None)
        parts = words.split(" ")
        prefix = "conversation.item.input_audio_transcription"
        for number, word in enumerate(parts):
            at_s = stopped_s + late_ms / 1000 * (number + 1) / (len(parts) + 1)
            self.server(at_s, f"{prefix}.delta", item_id=item_id, content_index=0, delta=word + " ")
        told = {"item_id": item_id, "content_index": 0, "transcript": words}
        usage = {"type": "duration", "seconds": 2}
        self.server(stopped_s + late_ms / 1000, f"{prefix}.completed", **told, usage=usage)
        return item_id, stopped_s

    def answer(
        self,
        created_s: float,
        name: str,
        words: str,
        *,
        first_ms: int = 260,
        cut_s: float | None = None,
        stall: tuple[int, float] | None = None,
    ) -> float:
        """The model answers with speech; `cut_s` is when it is interrupted, `stall` a piece that comes late by so many
        seconds. Returns when it is silent."""
        speech = clip(name)
        response_id, item_id = self.id("resp"), self.id("item")
        at_s = created_s
        self._created(at_s, response_id)
        item: Json = {"id": item_id, "object": "realtime.item", "type": "message", "role": "assistant"}
        of = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        at_s += first_ms / 1000
        self.server(
            at_s - 0.06,
            "response.output_item.added",
            response_id=response_id,
            output_index=0,
            item={**item, "status": "in_progress", "content": []},
        )
        pieces = [speech[start : start + _PIECE_BYTES] for start in range(0, len(speech), _PIECE_BYTES)]
        spoken = words.split(" ")
        heard_at_s, begins_s, late_s, noted = at_s, at_s, 0.0, 0.0
        sent_words = 0
        for number, piece in enumerate(pieces):
            if stall is not None and number == stall[0]:
                late_s = stall[1]
            comes_s = at_s + number * 0.03 + late_s
            if cut_s is not None and comes_s > cut_s + 0.02:
                break
            while sent_words < len(spoken) and sent_words / len(spoken) <= number / len(pieces) * 1.6:
                self.server(
                    comes_s - 0.012, "response.output_audio_transcript.delta", **of, delta=spoken[sent_words] + " "
                )
                sent_words += 1
            self.server(comes_s, "response.output_audio.delta", **of, delta=base64.b64encode(piece).decode())
            heard_at_s = max(heard_at_s, comes_s) + len(piece) / _HZ
            noted += len(piece) / _HZ
        ends_s = at_s + len(pieces) * 0.03 + late_s + 0.01
        playback = {"kind": "playback", "item_id": item_id, "content_index": 0}
        self.note(begins_s + 0.005, **playback, heard_ms=0, is_over=False)
        if cut_s is not None:
            heard_ms = round((cut_s - begins_s) * 1000)
            self.note(cut_s, **playback, heard_ms=heard_ms, is_over=True)
            self.client(
                cut_s + 0.002,
                "conversation.item.truncate",
                item_id=item_id,
                content_index=0,
                audio_end_ms=heard_ms,
            )
            self.server(
                cut_s + 0.014, "conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=heard_ms
            )
            if ends_s > cut_s:
                self._done(cut_s + 0.02, response_id, item, "", "cancelled")
            else:
                self._done(ends_s, response_id, item, words, "completed")
            return cut_s
        self.note(heard_at_s, **playback, heard_ms=round(noted * 1000), is_over=True)
        self.server(ends_s, "response.output_audio_transcript.done", **of, transcript=words)
        self._done(ends_s + 0.004, response_id, item, words, "completed")
        return heard_at_s

    def asks_tool(self, created_s: float, name: str, arguments: Json, output: Json, takes_s: float) -> float:
        """The model calls a function, and the client answers and asks for a response; returns when."""
        response_id, item_id, call_id = self.id("resp"), self.id("item"), self.id("call")
        self._created(created_s, response_id)
        of = {"response_id": response_id, "item_id": item_id, "output_index": 0, "call_id": call_id}
        asked_s = created_s + 0.18
        item = {"id": item_id, "object": "realtime.item", "type": "function_call", "call_id": call_id, "name": name}
        item.update(arguments=_text(arguments), status="completed")
        self.server(
            asked_s - 0.05,
            "response.output_item.added",
            response_id=response_id,
            output_index=0,
            item={**item, "arguments": "", "status": "in_progress"},
        )
        self.server(asked_s, "response.function_call_arguments.done", **of, name=name, arguments=_text(arguments))
        self._done(asked_s + 0.01, response_id, item, None, "completed")
        self.note(asked_s + 0.012, kind="tool", name=name, call_id=call_id, step="begin")
        self.note(asked_s + takes_s, kind="tool", name=name, call_id=call_id, step="end")
        answer = {"type": "function_call_output", "call_id": call_id, "output": _text(output)}
        self.client(asked_s + takes_s + 0.001, "conversation.item.create", item=answer)
        added = {**answer, "id": self.id("item"), "object": "realtime.item", "status": "completed"}
        self.server(asked_s + takes_s + 0.012, "conversation.item.added", item=added, previous_item_id=item_id)
        self.client(asked_s + takes_s + 0.002, "response.create", response={"max_output_tokens": 400})
        return asked_s + takes_s + 0.03

    def refused(self, at_s: float) -> None:
        """The client asks for a response while one runs, and the server refuses."""
        event_id = self.client(at_s, "response.create")
        error = {
            "type": "invalid_request_error",
            "code": "conversation_already_has_active_response",
            "message": "Conversation already has an active response.",
            "param": None,
            "event_id": event_id,
        }
        self.server(at_s + 0.015, "error", error=error)

    def _created(self, at_s: float, response_id: str) -> None:
        response = {"id": response_id, "object": "realtime.response", "status": "in_progress", "output": []}
        self.server(at_s, "response.created", response={**response, "max_output_tokens": 400})

    def _done(self, at_s: float, response_id: str, item: Json, words: str | None, status: str) -> None:
        content = {} if words is None else {"content": [{"type": "output_audio", "transcript": words}]}
        output = [{**item, **content, "status": "completed" if status == "completed" else "incomplete"}]
        tokens = 12 + 3 * len((words or "").split(" "))
        response: Json = {"id": response_id, "object": "realtime.response", "status": status, "output": output}
        if status == "cancelled":
            response["status_details"] = {"type": "cancelled", "reason": "turn_detected"}
        response["usage"] = {"total_tokens": 90 + tokens, "input_tokens": 90, "output_tokens": tokens}
        self.server(at_s, "response.done", response=response)

    # --- the whole

    def take(self, until_s: float) -> Iterator[Json]:
        """The lines up to a moment, with the microphone's pieces among them."""
        while self._sent_s < until_s:
            begin = round(self._sent_s * _HZ)
            self._sent_s = round(self._sent_s + _PIECE_MS / 1000, 3)
            piece = bytearray(self._noise[begin % 1600 : begin % 1600 + _PIECE_BYTES])
            for start, speech in list(self.user.items()):
                if start + len(speech) <= begin:
                    del self.user[start]
                for index in range(max(start, begin), min(start + len(speech), begin + _PIECE_BYTES)):
                    piece[index - begin] = speech[index - start]
            text = _text({"type": "input_audio_buffer.append", "audio": base64.b64encode(piece).decode()})
            self._add(self._sent_s, {"direction": "sent", "text": text})
        self._pending.sort(key=lambda each: each[:2])
        while self._pending and self._pending[0][0] <= until_s:
            yield self._pending.pop(0)[2]


def header(**fields: Any) -> Json:
    """The first line."""
    first = {"duologue": "recording", "version": 2, "started_at": "2026-03-01T12:00:00.000+00:00", "side": "client"}
    told = {"url": "wss://voice.example/v1/realtime?model=demo-1", "model": "demo-1", "dialect": "openai"}
    return {**first, **told, "family": "realtime", "subject": None, **fields}


def whole_call(*, is_quick: bool = False) -> Iterator[Json]:
    """Twenty seconds with an interruption, an underrun, a function, a refused request and an unknown event.

    The quick one is the same talk with a server that answers sooner, refuses nothing and never runs dry.
    """
    yield header(**({"model": "demo-2"} if is_quick else {}))
    script = Script(silence_ms=300 if is_quick else _SILENCE_MS)
    tool = {"type": "function", "name": "look_up_order", "parameters": {"type": "object", "properties": {}}}
    script.opens(0.02, tools=[tool])
    script.note(0.3, kind="mark", text="the call is put through")
    _, at_s = script.user_says(0.8, "question_time", "What time is it?")
    told = "It is a quarter to seven in the morning, and the day"
    script.answer(
        at_s + 0.02, "librivox_0890", told, cut_s=5.98 if is_quick else 6.05, first_ms=140 if is_quick else 260
    )
    late_ms = 110 if is_quick else 340
    _, at_s = script.user_says(5.62, "question_arithmetic", "Where is my order?", late_ms=late_ms)
    output = {"state": "sent", "day": "Tuesday"}
    takes_s = 0.22 if is_quick else 0.64
    at_s = script.asks_tool(at_s + 0.02, "look_up_order", {"number": 4711}, output, takes_s)
    told = "It was sent on Tuesday and arrives tomorrow."
    if is_quick:
        silent_s = script.answer(at_s, "librivox_0930", told, first_ms=180)
    else:
        silent_s = script.answer(at_s, "librivox_0930", told, first_ms=420, stall=(11, 1.15))
        script.refused(at_s + 0.8)
        script.server(at_s + 1.1, "vendor.telemetry", queue_ms=38, region="eu-1")
        script.note(silent_s + 0.4, kind="fault", name="latency", detail="120 ms, 30 ms jitter")
    _, at_s = script.user_says(silent_s + 0.9, "question_time", "And what time is it now?", late_ms=90)
    silent_s = script.answer(at_s + 0.02, "librivox_0880", "It is ten to seven.", first_ms=190 if is_quick else 310)
    script.closed(silent_s + 0.5, 1000, "", "client")
    yield from script.take(silent_s + 0.5)


def long_call(minutes: float, *, interrupted_every: int = 9) -> Iterator[Json]:
    """A turn each 7.5 seconds or so; every few answers are interrupted, some requests are refused."""
    yield header(model="demo-long")
    script = Script(noise=60)
    script.opens(0.02)
    dice = random.Random(3)
    said = ["What time is it?", "What is seven times eight?", "And in Lisbon?", "Say it once more, please."]
    told = ["It is a quarter to seven.", "Seven times eight is fifty-six.", "It is the same there.", "With pleasure."]
    at_s, number = 0.6, 0
    while at_s < minutes * 60 - 12:
        number += 1
        name = dice.choice(["question_time", "question_arithmetic"])
        words = number % len(said)
        _, stopped_s = script.user_says(at_s, name, said[words], late_ms=dice.randint(40, 400))
        begins_s = stopped_s + 0.02
        if number % 13 == 0:
            begins_s = script.asks_tool(begins_s, "clock", {"zone": "UTC"}, {"time": "06:45"}, dice.uniform(0.05, 0.9))
        first_ms = dice.randint(150, 700)
        is_cut = number % interrupted_every == 0
        silent_s = script.answer(
            begins_s,
            dice.choice(["librivox_0880", "librivox_0930"]),
            told[words],
            first_ms=first_ms,
            cut_s=begins_s + first_ms / 1000 + 1.4 if is_cut else None,
            stall=(8, dice.uniform(0.7, 1.2)) if number % 17 == 0 else None,
        )
        if number % 40 == 0:
            script.refused(begins_s + 0.1)
        at_s = silent_s - 0.42 if is_cut else silent_s + dice.uniform(0.3, 1.6)
        yield from script.take(at_s - 0.2)
    script.closed(minutes * 60, 1001, "going away", "server")
    yield from script.take(minutes * 60)


_BIDI: Final = "\u202eevil\u202c \u2066hidden\u2069"
HOSTILE: Final = [
    "</script><script>document.title='owned'</script>",
    "<!--<script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "javascript:document.title='owned'",
    "{{constructor.constructor('return 1')()}}",
    _BIDI,
    "\ud800",
    "\x00\x1b[31m\x7f",
]


def hostile_call() -> Iterator[Json]:
    """Everything that a stranger says is made to do harm."""
    bad = " ".join(HOSTILE[:-2])
    yield header(model=bad, dialect=HOSTILE[0], subject=bad)
    script = Script()
    script.opens(0.02, instructions=bad, __proto__={"polluted": True}, constructor={"prototype": {"polluted": True}})
    _, at_s = script.user_says(0.4, "question_time", bad)
    silent_s = script.answer(at_s + 0.02, "librivox_0880", bad)
    script.note(1.0, kind="mark", text=bad)
    script.note(1.1, kind="fault", name=bad, detail=bad)
    script.server(1.2, "</script><b>", __proto__={"polluted": True}, text="x" * 1_000_000)
    script.server(1.3, "__proto__", hasOwnProperty=bad, toString=1)
    error = {"type": "</script>", "code": HOSTILE[0], "message": bad, "param": None, "event_id": HOSTILE[2]}
    script.server(1.4, "error", error=error)
    script.asks_tool(1.5, HOSTILE[2], {"__proto__": bad}, {"toString": bad}, 0.2)
    for text in HOSTILE:
        script._add(1.6, {"direction": "received", "text": text})
    script._add(1.7, {"direction": "received", "text": "[" * 100_000})
    script.closed(silent_s, 1008, bad, "server")
    yield from script.take(silent_s)


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def write(path: Path, lines: Iterator[Json]) -> Path:
    """A recording in a file."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    return path
