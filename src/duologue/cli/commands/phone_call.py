"""`duologue phone call`: calls an application as a telephone network does, and says what the caller heard."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Group, Parameter

from duologue.audio.wav import WavWriter
from duologue.cli.errors import EXIT_FAILURE, UsageError, check_outputs
from duologue.cli.input_files import check_readable, read_sound
from duologue.cli.quantities import seconds_in
from duologue.cli.run import run_to_end
from duologue.clock import loop_clock
from duologue.errors import ConnectFailed
from duologue.printable import printable, printable_name
from duologue.recording import RecordingWriter
from duologue.telephony.carrier import (
    CARRIERS,
    CallerSays,
    CallPlan,
    CallSettings,
    KeysAt,
    LineQuality,
    MarkEcho,
    OutgoingCall,
    dial,
    network_named,
)

__all__ = ["PhoneCallOptions", "phone_call"]

_SECRETS: Final = {
    "twilio": "DUOLOGUE_TWILIO_AUTH_TOKEN",
    "signalwire": "DUOLOGUE_SIGNALWIRE_SIGNING_KEY",
    "telnyx": "DUOLOGUE_TELNYX_TOKEN",
    "plivo": "DUOLOGUE_PLIVO_AUTH_TOKEN",
    "vonage": "DUOLOGUE_VONAGE_SIGNATURE_SECRET",
    "asterisk": "DUOLOGUE_ASTERISK_PASSWORD",
    "asterisk-plain": "DUOLOGUE_ASTERISK_PASSWORD",
}
"""Variables with what signs a call, by protocol: those of `duologue serve --phone`."""

_KEYS: Final = re.compile(r"([0-9*#A-D]{1,40})@(.+)")
_PARAMETER: Final = re.compile(r"([^=]{1,100})=(.*)", re.DOTALL)

_CALLER: Final = Group("Caller", sort_key=1)
_NETWORK: Final = Group("Network", sort_key=2)
_RESULTS: Final = Group("Results", sort_key=3)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCallOptions:
    """The options of a call."""

    protocol: Annotated[str, Parameter(group=_NETWORK, help=f"Whose protocol: {', '.join(CARRIERS)}.")] = "twilio"
    interrupt_after: Annotated[
        str | None,
        Parameter(
            group=_CALLER,
            help="How much of an answer is heard before the next WAV is spoken, such as 700ms; else all of it is.",
        ),
    ] = None
    greeting: Annotated[
        bool, Parameter(group=_CALLER, help="The application speaks first: the caller hears that to its end.")
    ] = False
    keys: Annotated[
        tuple[str, ...],
        Parameter(group=_CALLER, help="Keys and when they are pressed: 12#@3s. May be given more than once."),
    ] = ()
    hang_up_after: Annotated[
        str | None, Parameter(group=_CALLER, help="Hang up then, such as 30s; else when the last answer is over.")
    ] = None
    patience: Annotated[str, Parameter(group=_CALLER, help="How long the caller waits for an answer.")] = "10s"
    no_silence: Annotated[
        bool, Parameter(group=_CALLER, help="Send nothing while the caller is silent, as Asterisk does.")
    ] = False
    parameter: Annotated[
        tuple[str, ...],
        Parameter(group=_NETWORK, help="NAME=VALUE that the call carries. May be given more than once."),
    ] = ()
    no_echo_marks: Annotated[bool, Parameter(group=_NETWORK, help="Never return a mark.")] = False
    drop_marks: Annotated[
        bool, Parameter(group=_NETWORK, help="Drop marks with the audio of an emptied queue, as Plivo and Asterisk do.")
    ] = False
    packet_loss: Annotated[
        float, Parameter(group=_NETWORK, help="Part of the caller's audio that is lost, 0 to 1.")
    ] = 0.0
    jitter: Annotated[float, Parameter(group=_NETWORK, help="Milliseconds by which the caller's audio is late.")] = 0.0
    reorder: Annotated[
        float, Parameter(group=_NETWORK, help="Part of the audio that comes out of order, 0 to 1: Telnyx only.")
    ] = 0.0
    seed: Annotated[int, Parameter(group=_NETWORK, help="Of what is left to chance.")] = 0
    max_first_audio: Annotated[
        str | None, Parameter(group=_RESULTS, help="Fail if an answer begins later, such as 1500ms.")
    ] = None
    record_stereo: Annotated[
        Path | None, Parameter(group=_RESULTS, help="WAV file of the call: the caller left, what was heard right.")
    ] = None
    record: Annotated[
        Path | None, Parameter(group=_RESULTS, help="Recording of the leg, for `duologue inspect`: numbers are hidden.")
    ] = None
    json: Annotated[bool, Parameter(group=_RESULTS, help="Write one JSON object: all pieces, clears and delays.")] = (
        False
    )
    force: Annotated[bool, Parameter(group=_RESULTS, help="Replace files that exist already.")] = False


_STANDARD: Final = PhoneCallOptions()


def phone_call(
    url: str, /, *wav: Annotated[Path, Parameter(help="What the caller says.")], options: PhoneCallOptions = _STANDARD
) -> int:
    """Call the application at URL as a telephone network does, speak the WAV files, and say what the caller heard.

    URL is that of the socket (ws, wss), of the page that answers the number (http, https), or tcp://host:port for
    audiosocket. Each WAV is spoken when the answer to the one before is over. The network's queue is played in real
    time. The call is signed with the variable that `duologue serve --phone` has for it, such as
    DUOLOGUE_TWILIO_AUTH_TOKEN. The exit code is 1 if something was not answered.
    """
    check_readable(*wav)
    check_outputs(options.record_stereo, options.record, force=options.force, inputs=wav)
    try:
        network_named(options.protocol)
        plan, settings = _plan(wav, options), _settings(options)
    except ValueError as fault:
        raise UsageError(printable(str(fault))) from None
    limit_s = seconds_in(options.max_first_audio, "--max-first-audio") if options.max_first_audio else None
    return run_to_end(_call(url, plan, settings, options, [each.name for each in wav], limit_s))


def _plan(wav: tuple[Path, ...], options: PhoneCallOptions) -> CallPlan:
    after = options.interrupt_after
    after_ms = round(seconds_in(after, "--interrupt-after") * 1000) if after else None
    return CallPlan(
        says=tuple(
            CallerSays(sound=read_sound(each), interrupts_after_ms=after_ms if n else None)
            for n, each in enumerate(wav)
        ),
        keys=tuple(map(_keys, options.keys)),
        hears_greeting=options.greeting,
        patience_s=seconds_in(options.patience, "--patience"),
        hang_up_after_s=seconds_in(options.hang_up_after, "--hang-up-after") if options.hang_up_after else None,
        sends_silence=False if options.no_silence else None,
    )


def _keys(text: str) -> KeysAt:
    found = _KEYS.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--keys is keys and a time such as 12#@3s, not {printable_name(text)}")
    return KeysAt(keys=found[1], at_s=seconds_in(found[2], "--keys"))


def _settings(options: PhoneCallOptions) -> CallSettings:
    marks: MarkEcho | None = "none" if options.no_echo_marks else "drop" if options.drop_marks else None
    named = [_PARAMETER.fullmatch(each) for each in options.parameter]
    if any(found is None for found in named):
        raise UsageError("--parameter is NAME=VALUE")
    settings = CallSettings(
        marks=marks,
        quality=LineQuality(loss=options.packet_loss, jitter_ms=options.jitter, reordering=options.reorder),
        seed=options.seed,
    )
    parameters = {found[1]: found[2] for found in named if found is not None}
    return msgspec.structs.replace(settings, ids=msgspec.structs.replace(settings.ids, parameters=parameters))


async def _call(
    url: str, plan: CallPlan, settings: CallSettings, options: PhoneCallOptions, names: list[str], limit_s: float | None
) -> int:
    secret = os.environ.get(_SECRETS.get(options.protocol, ""), "").strip()
    with ExitStack() as files:
        log = files.enter_context(_recording(url, options)) if options.record is not None else None
        try:
            call = await dial(url, options.protocol, plan, settings, secret=secret, log=log)
        except ValueError as fault:
            raise UsageError(printable(str(fault))) from None
        except ConnectFailed as fault:
            raise _refused(fault, options.protocol) from None
        try:
            report = await call.run()
        finally:
            _save(call, options)
    late = [
        each.first_audio_ms
        for each in report.spoken
        if limit_s is not None and each.first_audio_ms is not None and each.first_audio_ms > limit_s * 1000
    ]
    if options.json:
        print(msgspec.json.encode(report.to_json()).decode("utf-8"))
    else:
        print("\n".join(report.sentences(names)))
        for each_ms in late:
            print(f"too late: {each_ms:.0f} ms, and --max-first-audio is {options.max_first_audio}")
    return EXIT_FAILURE if late or not report.is_answered else 0


def _refused(fault: ConnectFailed, protocol: str) -> ConnectFailed:
    """What to look at when a call is not let in."""
    if fault.status not in (401, 403):
        return fault
    sentence = f"the application does not let the call in (HTTP {fault.status}): it must know the secret"
    variable = f" in {_SECRETS[protocol]}" if protocol in _SECRETS else ""
    return ConnectFailed(f"{sentence}{variable}, and this URL, letter by letter", retryable=False, status=fault.status)


def _recording(url: str, options: PhoneCallOptions) -> RecordingWriter:
    assert options.record is not None
    return RecordingWriter(options.record, clock=loop_clock(), url=url, replace=options.force)


def _save(call: OutgoingCall, options: PhoneCallOptions) -> None:
    if options.record_stereo is not None:
        sound = call.sound
        rate_hz = sound.encoding.rate_hz
        with WavWriter(options.record_stereo, rate_hz=rate_hz, channels=2, replace=options.force) as file:
            file.write(sound.stereo_pcm16())
