"""`duologue talk`: talks to any realtime server."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter

from duologue.cli.call.call import Call, CallOptions, check_url, hold_call, view_for
from duologue.cli.call.sound_device import SystemSound
from duologue.cli.call.talker import SessionSettings
from duologue.cli.errors import UsageError, check_dialect, check_writable
from duologue.cli.input_files import check_readable, read_sound
from duologue.cli.run import run_to_end
from duologue.client.dialect_detection import AUTO

__all__ = ["TalkOptions", "talk"]


_INPUT: Final = Group("What is said", sort_key=1)
_SERVER: Final = Group("To whom", sort_key=2)
_OUTPUT: Final = Group("What is kept and shown", sort_key=3)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class TalkOptions:
    """Options of `talk`."""

    say: Annotated[str | None, Parameter(group=_INPUT, help="Send this text as a typed message instead of speech.")] = (
        None
    )
    mic: Annotated[
        bool,
        Parameter(
            group=_INPUT,
            help="Talk with this machine's microphone and loudspeaker until Ctrl-C; speak to interrupt. Use headphones:"
            " if the microphone picks up the loudspeaker, the server interrupts itself.",
        ),
    ] = False
    url: Annotated[
        str | None,
        Parameter(
            group=_SERVER,
            help="Server to talk to, such as localhost:8000, wss://api.example.com, or https://…/v1/realtime/calls for"
            " WebRTC. By default a local server is started for the call.",
        ),
    ] = None
    model: Annotated[str | None, Parameter(group=_SERVER, help="Model to request.")] = None
    api_key: Annotated[
        str | None,
        Parameter(
            group=_SERVER, help="Key for --url, sent as its dialect has it; by default OPENAI_API_KEY, if that is set."
        ),
    ] = None
    dialect: Annotated[
        str,
        Parameter(group=_SERVER, help="Dialect of --url: openai-beta, qwen, xai …; by default found by itself."),
    ] = AUTO
    voice: Annotated[str | None, Parameter(group=_SERVER, help="Voice of the answer.")] = None
    instructions: Annotated[str | None, Parameter(group=_SERVER, help="Instructions of the session.")] = None
    text: Annotated[bool, Parameter(group=_SERVER, help="Request a text answer instead of speech.")] = False
    out: Annotated[Path | None, Parameter(group=_OUTPUT, help="Write the answer's speech to this WAV file.")] = None
    record: Annotated[
        Path | None,
        Parameter(group=_OUTPUT, help="Record every message, sent and received, to this file of JSON lines."),
    ] = None
    force: Annotated[bool, Parameter(group=_OUTPUT, help="Replace files that exist already.")] = False
    json: Annotated[bool, Parameter(group=_OUTPUT, help="Print JSON lines: an event each, a summary last.")] = False
    fast: Annotated[bool, Parameter(group=_INPUT, help="Send speech as fast as possible instead of in real time.")] = (
        False
    )
    timeout: Annotated[
        float, Parameter(group=_SERVER, help="Seconds without progress after which the turn has failed.")
    ] = 30.0


_STANDARD = TalkOptions()
_INTERRUPTED: Final = 128 + signal.SIGINT


def talk(input: Path | None = None, /, *, options: TalkOptions = _STANDARD) -> int:
    """Talk to a realtime server: send INPUT, a WAV file of speech, and show every event.

    INPUT may have any sample rate and number of channels; "-" is standard input. It is sent in real time, followed by
    the silence that ends a turn. With --say TEXT a text message is sent instead. With --mic you talk yourself, turn
    after turn.
    """
    if (input is not None) + (options.say is not None) + options.mic != 1:
        raise UsageError(
            "name a WAV file to send, or a text, or the microphone: duologue talk INPUT.wav, duologue talk --say TEXT,"
            " or duologue talk --mic"
        )
    if not options.timeout > 0:
        raise UsageError(f"--timeout is a number of seconds above 0, not {options.timeout:g}")
    check_dialect(options.dialect)
    if options.url is None and options.dialect != AUTO:
        raise UsageError("--dialect needs --url: the local server speaks openai")
    if options.url is None and options.api_key is not None:
        raise UsageError("--api-key needs --url: the local server generates its own key")
    _check_files(input, options)
    code = run_to_end(hold_call(_call_options(options), view_for(json=options.json), _turn(input, options)))
    # A talk by microphone ends with Ctrl-C.
    return 0 if options.mic and code == _INTERRUPTED else code


def _check_files(path: Path | None, options: TalkOptions) -> None:
    """Raise UsageError for a missing file, and for one that would be overwritten."""
    if path is not None:
        check_readable(path)
    for name, written in (("--out", options.out), ("--record", options.record)):
        if path is not None and written is not None and _are_one(path, written):
            raise UsageError(f"{name} {written} would overwrite the file to send")
    if options.out is not None and options.record is not None and _are_one(options.out, options.record):
        raise UsageError(f"--out and --record are the same file, {options.out}: name two files")
    check_writable(options.out, options.record, force=options.force)


def _are_one(one: Path, other: Path) -> bool:
    """Whether both paths are one file. Devices do not count: both may be /dev/null."""
    if one.exists() and other.exists():
        return one.is_file() and one.samefile(other)
    return one.resolve() == other.resolve()


def _call_options(options: TalkOptions) -> CallOptions:
    # The key of the environment is sent only to a server that --url names.
    api_key = None if options.url is None else (options.api_key or os.environ.get("OPENAI_API_KEY", "")).strip()
    return CallOptions(
        url=None if options.url is None else check_url(options.url),
        api_key=api_key,
        model=options.model,
        dialect=options.dialect,
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
            await call.converse(SystemSound(), caption="listening: speak; Ctrl-C ends it")

        return converse

    if path is None:
        text = options.say or ""

        async def type_it(call: Call) -> None:
            await call.typed_turn(text, caption=f"typing: {text}")

        return type_it

    # Read first: a file that cannot be sent needs no server.
    sound = read_sound(path)

    async def speak_it(call: Call) -> None:
        await call.spoken_turn(sound, caption=f"speaking: {path}, {sound.duration_ms / 1000:.1f} s")

    return speak_it
