"""Draws the pictures of docs/howto/telephone.md: the way of a call, and an interruption as the bridge tells it.

python docs/phone_pictures.py          writes docs/pictures/phone-*.svg

Colours follow the reader's scheme, light or dark. The interruption is what `duologue.telephony.Bridge` does in it: with
a server that speaks four times as fast as its speech is played, and a carrier that returns marks.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from msgspec import Struct

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from duologue.audio.formats import PCMU
from duologue.client.sound.playout import ItemPart
from duologue.protocol.client.notices import AudioDelta, Interrupted
from duologue.protocol.client.playback import PlaybackLedger
from duologue.telephony import Bridge, CallStarted, Played, Twilio
from duologue.telephony.codecs.leg_events import ClearCommand, MarkCommand, PlayCommand

__all__ = ["FOLDER", "pictures"]

FOLDER: Final = Path(__file__).parent / "pictures"

_STYLE: Final = """
svg { --page: #fff; --ink: #1f2328; --faint: #6e7781; --line: #c8ccd1; --sent: #9ec5f4; --heard: #1a7f37;
--cut: #cf222e; font: 13px system-ui, sans-serif }
@media (prefers-color-scheme: dark) { svg { --page: #0d1117; --ink: #e6edf3; --faint: #8d96a0; --line: #3d444d;
--sent: #1f4d80; --heard: #3fb950; --cut: #f85149 } }
.page { fill: var(--page) } text { fill: var(--ink) } .faint { fill: var(--faint) } .line { stroke: var(--line) }
.ink { stroke: var(--ink) } .sent { fill: var(--sent) } .heard { fill: var(--heard) } .cut { stroke: var(--cut) }
.says-cut { fill: var(--cut) } .strong { font-weight: 600 } .frame { font: 12px ui-monospace, monospace }
"""


def main() -> None:
    """Write all of them."""
    for name, svg in pictures().items():
        (FOLDER / name).write_text(svg, encoding="utf-8")
        print(f"docs/pictures/{name}: {len(svg) / 1000:.0f} kB")


def pictures() -> Mapping[str, str]:
    """The pictures, by the names of their files."""
    return {"phone-way.svg": _way(), "phone-interruption.svg": _interruption(*_call())}


# --- the way of a call

_LANES: Final = ("caller", "carrier", "bridge", "server")


class _Step(Struct, frozen=True):
    sent_by: int
    taken_by: int
    what: str
    is_cut: bool = False


_STEPS: Final = (
    _Step(0, 1, "dials the number"),
    _Step(1, 2, "asks the answer page, opens the socket: signed"),
    _Step(1, 2, "start: ids, μ-law at 8 kHz"),
    _Step(2, 3, "session.update: audio/pcmu both ways"),
    _Step(0, 1, "speaks"),
    _Step(1, 2, "media, 20 ms each"),
    _Step(2, 3, "input_audio_buffer.append: the same bytes"),
    _Step(3, 2, "response.output_audio.delta, faster than heard"),
    _Step(2, 1, "media, a mark behind each 200 ms"),
    _Step(1, 0, "plays"),
    _Step(1, 2, "mark: this much was heard"),
    _Step(0, 1, "interrupts"),
    _Step(3, 2, "input_audio_buffer.speech_started", is_cut=True),
    _Step(2, 1, "clear: the queue is emptied", is_cut=True),
    _Step(2, 3, "conversation.item.truncate: what was heard", is_cut=True),
    _Step(0, 1, "hangs up"),
    _Step(1, 2, "stop"),
    _Step(2, 3, "the session is closed"),
)

_WIDTH: Final = 990
_LEFT: Final = (70, 250, 570, 920)
"""Where the lanes stand."""
_STEP_HEIGHT: Final = 34


def _way() -> str:
    bottom = 60 + _STEP_HEIGHT * len(_STEPS)
    parts = [_text(x, 28, name, "strong", anchor="middle") for x, name in zip(_LEFT, _LANES, strict=True)]
    parts += [_line(x, 40, x, bottom, "line") for x in _LEFT]
    for number, step in enumerate(_STEPS):
        begin, end, y = _LEFT[step.sent_by], _LEFT[step.taken_by], 68 + _STEP_HEIGHT * number
        parts.append(_arrow(begin, end, y, "cut" if step.is_cut else "ink"))
        words = "says-cut" if step.is_cut else ""
        parts.append(_text((begin + end) / 2, y - 6, step.what, words, anchor="middle"))
    title = "The way of a call: caller, carrier, bridge, server, from the dialled number to the end"
    return _svg(_WIDTH, bottom + 10, title, parts)


# --- an interruption

_SPEECH_MS: Final = 3_000
_PIECE_MS: Final = 200
_FASTER: Final = 4
_INTERRUPTS_AT_MS: Final = 1_500
_DELAY_MS: Final = 60
"""Of the carrier's marks on their way."""
_STEP_MS: Final = 20


class _Told(Struct, frozen=True):
    """Something that happened."""

    at_ms: int
    what: str
    position_ms: int = 0


def _call() -> tuple[list[_Told], list[tuple[int, int]], int]:
    """What was told, how much was heard as the bridge knows it, and what the server is told that was heard."""
    codec = Twilio()
    bridge, ledger, part = Bridge(codec, now=0.0), PlaybackLedger(PCMU), ItemPart("item", 0)
    bridge.leg(CallStarted(call_id="CA1", stream_id="MZ1", encoding=PCMU), now=0.0)
    told: list[_Told] = []
    known: list[tuple[int, int]] = []
    marks: list[tuple[int, str]] = []
    received_ms = queued_ms = truncated_ms = 0

    def received(_: ItemPart) -> int:
        return PCMU.bytes_for_ms(received_ms)

    for now_ms in range(0, _INTERRUPTS_AT_MS + 3 * _STEP_MS, _STEP_MS):
        now = now_ms / 1000
        if received_ms < _SPEECH_MS and now_ms % (_PIECE_MS // _FASTER) < _STEP_MS:
            received_ms += _PIECE_MS
            audio = b"\x55" * PCMU.bytes_for_ms(_PIECE_MS)
            ledger.received(part.item_id, 0, len(audio))
            speech = AudioDelta(response_id="r", item_id=part.item_id, content_index=0, audio=audio, encoding=PCMU)
            bridge.notice(speech, received_bytes=received, now=now)
        while marks and marks[0][0] + _DELAY_MS <= now_ms:
            played_ms, name = marks.pop(0)
            bridge.leg(Played(name=name), now=now)
            told.append(_Told(now_ms, "mark", played_ms))
        for found, position in bridge.report(now):
            ledger.played_to(found.item_id, 0, n_bytes=position)
            known.append((now_ms, PCMU.duration_ms(position)))
        if now_ms == _INTERRUPTS_AT_MS:
            interruption = ledger.interrupt()
            assert interruption.truncate is not None
            truncated_ms = interruption.truncate.audio_end_ms
            bridge.notice(Interrupted(interruption), received_bytes=received, now=now)
            marks.clear()
        for frame in bridge.take_frames(now):
            match codec.read_command(frame):
                case PlayCommand(audio=audio):
                    queued_ms += PCMU.duration_ms(len(audio))
                    told.append(_Told(now_ms, "media", queued_ms))
                case MarkCommand(name=name):
                    marks.append((queued_ms, name))
                case ClearCommand():
                    told.append(_Told(now_ms, "clear"))
                case _:
                    pass  # nothing that a picture shows
    return told, known, truncated_ms


_X: Final = 130
_SCALE: Final = 0.24
"""Pixels of a millisecond."""


def _interruption(told: Sequence[_Told], known: Sequence[tuple[int, int]], truncated_ms: int) -> str:
    parts: list[str] = []
    rows = {"sent": 60, "played": 120, "marks": 170, "known": 220}
    sent = [each for each in told if each.what == "media"]
    for number, each in enumerate(sent):
        before = sent[number - 1].position_ms if number else 0
        parts.append(_bar(before, each.position_ms, rows["sent"], "sent"))
    parts.append(_text(_X + _SCALE * _SPEECH_MS + 8, rows["sent"] + 16, f"sent by {sent[-1].at_ms} ms", "faint"))
    parts.append(_bar(0, _INTERRUPTS_AT_MS, rows["played"], "heard"))
    parts.append(_bar(_INTERRUPTS_AT_MS, sent[-1].position_ms, rows["played"], "sent", opacity=0.35))
    for each in told:
        if each.what == "mark":
            x = _X + _SCALE * each.at_ms
            parts.append(_line(_X + _SCALE * each.position_ms, rows["played"] + 24, x, rows["marks"] + 12, "ink"))
    points = " ".join(f"{_X + _SCALE * at:.1f},{rows['known'] + 60 - position * 0.04:.1f}" for at, position in known)
    parts.append(f'<polyline points="{points}" fill="none" class="ink" stroke-width="2"/>')
    x = _X + _SCALE * _INTERRUPTS_AT_MS
    parts.append(_line(x, 40, x, rows["known"] + 66, "cut"))
    parts.append(_text(x + 8, 46, "speech_started", "says-cut frame"))
    parts.append(_text(x + 8, rows["played"] + 42, "clear: never heard", "says-cut"))
    parts.append(_text(x + 8, rows["known"] + 8, f"truncate at {truncated_ms} ms", "says-cut frame"))
    names = {"sent": "sent", "played": "played", "marks": "marks come", "known": "known as heard"}
    parts += [_text(_X - 12, rows[row] + 16, name, anchor="end") for row, name in names.items()]
    axis = rows["known"] + 66
    parts.append(_line(_X, axis, _X + _SCALE * _SPEECH_MS, axis, "line"))
    for at_ms in range(0, _SPEECH_MS + 1, 500):
        parts.append(_text(_X + _SCALE * at_ms, axis + 18, f"{at_ms / 1000:g} s", "faint", anchor="middle"))
    title = (
        f"An interruption: 3 s were sent by {sent[-1].at_ms} ms, {truncated_ms} ms were heard, and the rest is cleared"
    )
    return _svg(_WIDTH, axis + 34, title, parts)


# --- shapes


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">'
    page = f'<rect class="page" width="{width:g}" height="{height:g}"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", f"<style>{_STYLE}</style>", page, *parts, "</svg>\n"])


def _text(x: float, y: float, words: str, kind: str = "", *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _arrow(begin: float, end: float, y: float, kind: str) -> str:
    back = -7 if end > begin else 7
    points = f"{end + back:g},{y - 4:g} {end:g},{y:g} {end + back:g},{y + 4:g}"
    head = f'<polyline points="{points}" fill="none" class="{kind}"/>'
    return _line(begin, y, end, y, kind) + head


def _bar(begin_ms: int, end_ms: int, y: float, kind: str, *, opacity: float = 1.0) -> str:
    x, width = _X + _SCALE * begin_ms, _SCALE * (end_ms - begin_ms) - 1
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="22" class="{kind}" opacity="{opacity:g}"/>'


if __name__ == "__main__":
    main()
