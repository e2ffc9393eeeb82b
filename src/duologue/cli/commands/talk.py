"""`duologue talk`: one turn with any realtime server."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from duologue.audio.wav import read_wav
from duologue.cli.call.call import Call, CallOptions, check_url, hold, view_for
from duologue.cli.call.sound_device import SystemSound
from duologue.cli.call.talker import SessionSettings
from duologue.cli.errors import UsageError, check_exists, check_writable
from duologue.cli.run import run_to_end

__all__ = ["TalkOptions", "talk"]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class TalkOptions:
    """Options of `talk`."""

    say: Annotated[str | None, Parameter(help="Send this text as a typed message instead of speech.")] = None
    mic: Annotated[
        bool,
        Parameter(
            help="Talk with this machine's microphone and loudspeaker until Ctrl-C; speak to interrupt. Use headphones:"
            " a microphone that hears the loudspeaker interrupts the server with its own words."
        ),
    ] = False
    url: Annotated[
        str | None,
        Parameter(help="Server to talk to, ws:// or wss://. Without it our own server is started for this one turn."),
    ] = None
    model: Annotated[str | None, Parameter(help="Model to ask the server for.")] = None
    api_key: Annotated[
        str | None, Parameter(help="Key for --url, sent as a bearer token; by default OPENAI_API_KEY, if that is set.")
    ] = None
    voice: Annotated[str | None, Parameter(help="Voice that answers.")] = None
    instructions: Annotated[str | None, Parameter(help="System prompt of the session.")] = None
    text: Annotated[bool, Parameter(help="Have the answer written instead of spoken.")] = False
    out: Annotated[Path | None, Parameter(help="Write the answer's speech to this WAV file.")] = None
    record: Annotated[Path | None, Parameter(help="Record every message, both ways, to this file of JSON lines.")] = (
        None
    )
    force: Annotated[bool, Parameter(help="Replace files that exist already.")] = False
    json: Annotated[bool, Parameter(help="Print JSON lines: an event each, a summary last.")] = False
    fast: Annotated[bool, Parameter(help="Send speech as fast as possible instead of in real time.")] = False
    timeout: Annotated[float, Parameter(help="Seconds without progress after which the turn has failed.")] = 30.0


_STANDARD = TalkOptions()
_INTERRUPTED: Final = 128 + signal.SIGINT


def talk(input: Path | None = None, /, *, options: TalkOptions = _STANDARD) -> int:
    """Talk to a realtime server: send INPUT, a WAV file of speech, and show everything that comes of it.

    Any sample rate and channel count will do. The speech goes out in real time, followed by the silence that ends a
    turn. With --say TEXT a typed message and a request to answer it are sent instead. With --mic you talk yourself,
    turn after turn.
    """
    if (input is not None) + (options.say is not None) + options.mic != 1:
        raise UsageError(
            "name a WAV file to send, or a text, or the microphone: duologue talk INPUT.wav, duologue talk --say TEXT,"
            " or duologue talk --mic"
        )
    if not options.timeout > 0:
        raise UsageError(f"--timeout is a number of seconds above 0, not {options.timeout:g}")
    if options.url is None and options.api_key is not None:
        raise UsageError("--api-key is for a server named with --url; our own makes up a key by itself")
    _check_files(input, options)
    code = run_to_end(hold(_call_options(options), view_for(json=options.json), _turn(input, options)))
    # Ctrl-C is how such a talk ends.
    return 0 if options.mic and code == _INTERRUPTED else code


def _check_files(path: Path | None, options: TalkOptions) -> None:
    """Raises UsageError for a file that is not there, and for one that another would be written over."""
    if path is not None:
        check_exists(path)
    for name, written in (("--out", options.out), ("--record", options.record)):
        if path is not None and written is not None and _are_one(path, written):
            raise UsageError(f"{name} {written} would write over the file that is to be sent")
    if options.out is not None and options.record is not None and _are_one(options.out, options.record):
        raise UsageError(f"--out and --record are one file, {options.out}: name two")
    check_writable(options.out, options.record, force=options.force)


def _are_one(one: Path, other: Path) -> bool:
    """Whether both names are of one file. A device is none: both may well go to /dev/null."""
    if one.exists() and other.exists():
        return one.is_file() and one.samefile(other)
    return one.resolve() == other.resolve()


def _call_options(options: TalkOptions) -> CallOptions:
    # A key in the environment goes to a server that was named, and nowhere else.
    api_key = None if options.url is None else (options.api_key or os.environ.get("OPENAI_API_KEY", "")).strip()
    return CallOptions(
        url=None if options.url is None else check_url(options.url),
        api_key=api_key,
        model=options.model,
        settings=SessionSettings(instructions=options.instructions, voice=options.voice, text_only=options.text),
        reply_file=options.out,
        recording_file=options.record,
        replace_files=options.force,
        paced=not options.fast,
        timeout_s=options.timeout,
        open_ended=options.mic,
    )


def _turn(path: Path | None, options: TalkOptions) -> Callable[[Call], Awaitable[None]]:
    if options.mic:

        async def converse(call: Call) -> None:
            await call.converse(SystemSound(), note="listening: speak; Ctrl-C ends it")

        return converse

    if path is None:
        text = options.say or ""

        async def type_it(call: Call) -> None:
            await call.say(text, note=f"typing: {text}")

        return type_it

    # Read before anything is started: what cannot be sent needs no server.
    sound = read_wav(path)

    async def speak_it(call: Call) -> None:
        await call.speak(sound, note=f"speaking: {path}, {sound.duration_ms / 1000:.1f} s")

    return speak_it
