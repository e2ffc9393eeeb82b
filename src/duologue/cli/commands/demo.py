"""`duologue demo`: a conversation of three turns with a local server, shown and checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from itertools import chain, zip_longest
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from duologue.audio.wav import Sound, WavWriter, parse_wav
from duologue.cli.call.call import Call, CallOptions, hold_call, view_for
from duologue.cli.call.live_demo import LiveDemoFiles, hold_live_demo
from duologue.cli.errors import TurnFailed, UsageError, check_writable
from duologue.cli.run import run_to_end
from duologue.cli.turns.turn import Turn

__all__ = ["TURN_ORDER", "check_turn", "demo", "speech"]

_TURNS: Final = 3

_SOURCES: Final = {
    "question": "synthesised by the shipped voice",
    "librivox": "recorded human speech, a LibriVox reading",
}
"""Where the files in `speech/` come from, by the first word of their names; details are in its README."""

TURN_ORDER: Final = (
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
)
"""The events of a turn that the server detects, in order; other events may come between them."""


_OWN_FOLDER: Final = Path("demo")


def demo(
    *,
    out_dir: Annotated[
        Path,
        Parameter(help="Folder for question-1.wav and so on, reply.wav and session.jsonl; created if missing."),
    ] = _OWN_FOLDER,
    fast: Annotated[bool, Parameter(help="Send speech as fast as possible instead of in real time.")] = False,
    force: Annotated[bool, Parameter(help="Replace files that exist already in --out-dir.")] = False,
    live: Annotated[
        bool, Parameter(help="Talk over Live, which is full duplex: the second answer is interrupted.")
    ] = False,
) -> int:
    """Hold a spoken conversation of three turns with a local server: no network, no key, no microphone.

    The user's speech comes from files in this package. Writes the questions, the speech of the answers and a recording
    of every message. In the default folder, the files of an earlier demo are replaced.
    """
    if live and fast:
        raise UsageError("--fast is not for --live: a Live session runs in real time")
    # In a folder that the user named, existing files need not be a demo's.
    force = force or out_dir == _OWN_FOLDER
    reply, recording = out_dir / "reply.wav", out_dir / "session.jsonl"
    clips = list(speech())
    questions = [out_dir / f"question-{number}.wav" for number in range(1, len(clips) + 1)]
    check_writable(reply, recording, *questions, force=force)
    out_dir.mkdir(parents=True, exist_ok=True)
    for question, (_, _, sound) in zip(questions, clips, strict=True):
        with WavWriter(question, rate_hz=sound.rate_hz, replace=force) as wav:
            wav.write(sound.pcm16)
    if live:
        files = LiveDemoFiles(voice=reply, recording=recording, replace=force)
        return run_to_end(hold_live_demo([sound for _, _, sound in clips], files))
    options = CallOptions(reply_file=reply, recording_file=recording, replace_files=force, model="demo", paced=not fast)

    async def talk(call: Call) -> None:
        for number, (question, (_, source, sound)) in enumerate(zip(questions, clips, strict=True), 1):
            turn = await call.spoken_turn(
                sound,
                caption=f"turn {number} of {len(clips)}: {source} ({question}, {sound.duration_ms / 1000:.1f} s)",
            )
            check_turn(turn, number)

    return run_to_end(hold_call(options, view_for(json=False), talk))


def speech() -> Iterator[tuple[str, str, Sound]]:
    """Name, source and sound of each clip of the demo. The sources alternate."""
    folder = resources.files("duologue.cli") / "speech"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".wav"))
    by_source = ([name for name in names if name.startswith(prefix)] for prefix in _SOURCES)
    mixed = [name for name in chain.from_iterable(zip_longest(*by_source)) if name is not None]
    for name in mixed[:_TURNS]:
        yield name, _SOURCES[name.partition("_")[0]], parse_wav((folder / name).read_bytes(), name=name)


def check_turn(turn: Turn, number: int) -> None:
    """Raise TurnFailed unless the turn has a transcript, an answer, and its events in order."""
    if not turn.words.user:
        raise TurnFailed(f"turn {number}: the speech was not transcribed")
    if not turn.words.server:
        raise TurnFailed(f"turn {number}: the answer has no words")
    missing = _first_out_of_order(turn.event_types)
    if missing is not None:
        raise TurnFailed(f"turn {number}: {missing} is missing or out of order")


def _first_out_of_order(types: Sequence[str]) -> str | None:
    """The first event of `TURN_ORDER` that does not come after the one before it."""
    rest = iter(types)
    return next((expected for expected in TURN_ORDER if expected not in rest), None)
