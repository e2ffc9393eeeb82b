"""`duologue phone ring`: plays OpenAI's SIP for an application: a telephone rings at it by a signed webhook."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Group, Parameter

from duologue.audio.formats import PCM, PCMA, PCMU
from duologue.audio.wav import WavWriter
from duologue.cli.errors import EXIT_FAILURE, UsageError, check_outputs, check_port
from duologue.cli.input_files import check_readable, read_sound
from duologue.cli.quantities import seconds_in
from duologue.cli.run import background, run_to_end
from duologue.printable import printable
from duologue.server import RealtimeApp, serve
from duologue.telephony.signatures import sign_webhook
from duologue.telephony.sip.incoming import SipHeader
from duologue.telephony.sip.ring_plan import KeyPress, RingPlan, RingReport, WebhookFault
from duologue.telephony.sip.ringing import ring

__all__ = ["PhoneRingOptions", "phone_ring"]

_SECRET: Final = "OPENAI_WEBHOOK_SECRET"
"""The variable from which the official SDKs read it."""

_ENCODINGS: Final = {"pcmu": PCMU, "pcma": PCMA, "pcm": PCM}

_KEYS: Final = re.compile(r"([0-9*#A-D]{1,40})@(.+)")
_KEY_MS: Final = 250
"""From one key to the next: a fast finger."""

_HEADER: Final = re.compile(r"([A-Za-z0-9-]{1,100}):(.*)")

_REFUSED: Final = frozenset({"unsigned", "wrong-secret", "stale"})

_CALLER: Final = Group("Caller", sort_key=1)
_SERVICE: Final = Group("Service", sort_key=2)
_RESULTS: Final = Group("Results", sort_key=3)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRingOptions:
    """The options of a ringing telephone."""

    keys: Annotated[
        tuple[str, ...],
        Parameter(group=_CALLER, help="Keys and when they are pressed: 12#@3s. May be given more than once."),
    ] = ()
    caller: Annotated[str, Parameter(group=_CALLER, help="Number of the caller.")] = "+15550100"
    header: Annotated[
        tuple[str, ...], Parameter(group=_CALLER, help="NAME:VALUE, a SIP header of the call. May be repeated.")
    ] = ()
    ring_for: Annotated[str, Parameter(group=_CALLER, help="How long the caller lets it ring.")] = "20s"
    patience: Annotated[str, Parameter(group=_CALLER, help="How long the caller waits for an answer.")] = "15s"
    hang_up_after: Annotated[
        str | None, Parameter(group=_CALLER, help="Hang up then, such as 30s; else 2 s after the answer.")
    ] = None
    secret_env: Annotated[str, Parameter(group=_SERVICE, help="Variable with the secret of the webhook, whsec_….")] = (
        _SECRET
    )
    port: Annotated[
        int, Parameter(group=_SERVICE, help="Where the application reaches the service on this machine.")
    ] = 8000
    line: Annotated[str, Parameter(group=_SERVICE, help=f"What the network carries: {', '.join(_ENCODINGS)}.")] = "pcmu"
    webhook_fault: Annotated[
        WebhookFault | None,
        Parameter(
            group=_SERVICE,
            help="Post the webhook twice under one id, or one that must be refused: unsigned, signed by another secret,"
            " ten minutes old.",
        ),
    ] = None
    out: Annotated[Path | None, Parameter(group=_RESULTS, help="WAV file of what the caller heard.")] = None
    json: Annotated[bool, Parameter(group=_RESULTS, help="Write one JSON object.")] = False
    force: Annotated[bool, Parameter(group=_RESULTS, help="Replace a file that exists already.")] = False


_STANDARD: Final = PhoneRingOptions()


def phone_ring(webhook: str, wav: Path, /, *, options: PhoneRingOptions = _STANDARD) -> int:
    """Ring at the application whose webhook is at WEBHOOK, and speak the WAV file when it answers.

    A server of this command plays the part of OpenAI: the application accepts, rejects, joins and transfers the call
    there, so give it http://127.0.0.1:8000/v1 (or another --port) as its base URL; any key will do. Speech is heard,
    answered and spoken on this machine. The exit code is 1 if the call is not accepted, or nothing is heard; with a
    webhook that must be refused, 1 if it is not.
    """
    check_readable(wav)
    check_outputs(options.out, force=options.force, inputs=[wav])
    check_port(options.port, "--port")
    if options.line not in _ENCODINGS:
        raise UsageError(f"--line is one of {', '.join(_ENCODINGS)}, not {options.line}")
    return run_to_end(_ring(_plan(webhook, wav, options), options))


def _plan(webhook: str, wav: Path, options: PhoneRingOptions) -> RingPlan:
    if not webhook.startswith(("http://", "https://")):
        raise UsageError("the webhook of an application has a URL such as http://127.0.0.1:9000/openai")
    return RingPlan(
        webhook_url=webhook,
        secret=_secret(options.secret_env),
        caller=read_sound(wav),
        encoding=_ENCODINGS[options.line],
        keys=tuple(key for text in options.keys for key in _keys(text)),
        webhook_fault=options.webhook_fault,
        from_address=f"<sip:{options.caller}@carrier.invalid>",
        headers=tuple(map(_header, options.header)),
        ring_s=seconds_in(options.ring_for, "--ring-for"),
        answer_s=seconds_in(options.patience, "--patience"),
        hang_up_after_s=seconds_in(options.hang_up_after, "--hang-up-after") if options.hang_up_after else None,
    )


def _secret(variable: str) -> str:
    secret = os.environ.get(variable, "")
    try:
        sign_webhook("", "0", b"", secret=secret)
    except ValueError as fault:
        raise UsageError(
            f"{variable} holds no secret of a webhook ({fault}); for a try: export {variable}=whsec_dGVzdA=="
        ) from None
    return secret


def _keys(text: str) -> list[KeyPress]:
    found = _KEYS.fullmatch(text)
    if found is None:
        raise UsageError(f"--keys is keys and a time such as 12#@3s, not {text}")
    at_ms = round(seconds_in(found[2], "--keys") * 1000)
    return [KeyPress(at_ms=at_ms + n * _KEY_MS, key=key) for n, key in enumerate(found[1])]


def _header(text: str) -> SipHeader:
    found = _HEADER.fullmatch(text)
    if found is None:
        raise UsageError(f"--header is NAME:VALUE, such as X-Order:7, not {text}")
    return SipHeader(name=found[1], value=found[2].strip())


async def _ring(plan: RingPlan, options: PhoneRingOptions) -> int:
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    app = RealtimeApp()
    async with background(serve(app, port=options.port, on_listening=url.set_result)):
        base = (await url).replace("ws", "http", 1).removesuffix("/realtime")
        if not options.json:
            print(f"the service is at {base}; ringing at {plan.webhook_url}", flush=True)
        report = await ring(app, plan)
    if options.out is not None and report.heard.pcm16:
        with WavWriter(options.out, rate_hz=report.heard.rate_hz, replace=options.force) as file:
            file.write(report.heard.pcm16)
    print(_json(report) if options.json else _text(report, options))
    return 0 if _is_right(report, plan.webhook_fault) else EXIT_FAILURE


def _is_right(report: RingReport, webhook_fault: WebhookFault | None) -> bool:
    if webhook_fault in _REFUSED:
        return not report.answered and all(
            status is not None and 400 <= status < 500 for status in report.webhook_statuses
        )
    return report.answered and (report.first_sound_ms is not None or report.ended_by == "transfer")


def _text(report: RingReport, options: PhoneRingOptions) -> str:
    lines = [f"{moment.at_ms / 1000:8.3f} s  {printable(moment.what)}" for moment in report.moments]
    if not report.answered:
        lines.append(f"not answered: SIP {report.sip_status}")
    elif report.first_sound_ms is None:
        lines.append("answered; nothing was heard behind the caller's speech")
    else:
        lines.append(f"answered; the first sound came {report.first_sound_ms} ms behind the caller's speech")
    if report.referred_to is not None:
        lines.append(f"transferred to {printable(report.referred_to)}")
    if options.out is not None and report.heard.pcm16:
        lines.append(f"wrote {options.out}: {report.heard.duration_ms / 1000:.1f} s")
    return "\n".join(lines)


def _json(report: RingReport) -> str:
    shown = {
        "call_id": report.call_id,
        "webhook_statuses": report.webhook_statuses,
        "sip_status": report.sip_status,
        "ended_by": report.ended_by,
        "referred_to": report.referred_to,
        "first_sound_ms": report.first_sound_ms,
        "heard_ms": report.heard.duration_ms,
        "moments": report.moments,
    }
    return msgspec.json.encode(shown).decode()
