"""What holds in every trace of a Live session: one function for each rule of `tables/live/invariants.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.codec.live import decode_live
from duologue.conformance.rulebook.any_session import (
    Check,
    Verdicts,
    errors_name_commands,
    event_ids,
    fields,
    no_events_of_realtime,
    nothing_after,
    one_object,
    published,
    whole_samples,
)
from duologue.conformance.rulebook.live_commands import answered_once, answers_name_commands
from duologue.conformance.wire.trace import Trace

__all__ = ["LIVE_INVARIANTS"]

_WITHOUT_ID: Final = frozenset({"session.output_audio.delta", "session.input_audio.append"})
_SAMPLE_BYTES: Final[Mapping[str, int]] = {"audio/pcm": 2, "audio/pcmu": 1, "audio/pcma": 1}
_APPENDED: Final = ("session.instructions.appended", "session.thinking.appended", "session.commentary.appended")
_TRANSCRIPTS: Final = ("session.input_transcript.delta", "session.output_transcript.delta")
_IN_A_DELEGATION: Final = ("response.event", "decision.event")
_SESSIONS: Final = ("session.started", "session.updated", "session.closed")
_ENDS: Final = ("response.completed", "response.failed", "response.incomplete")


def _sample_bytes(trace: Trace) -> int:
    """Bytes of one sample in the session's format; a sideband has PCM16 whatever that is."""
    if trace.sideband:
        return 2
    asked = [each.get("session.audio.format.type") for each in trace.sent("session.start")]
    return _SAMPLE_BYTES.get(str(asked[0]) if asked else "", 2)


def _started_first(trace: Trace) -> Verdicts:
    for each in trace.messages:
        if each.side == "C" and each.type == "session.start":
            break
        if each.side == "S" and not trace.sideband and each.type != "error":
            yield f"{each.type or 'a message'} comes before session.start"
    for each in trace.received():
        yield None if each.type in ("session.started", "error") else f"{each.type or 'a message'} comes first"
        if each.type != "error":
            return


def _error_code(trace: Trace) -> Verdicts:
    for each in trace.received("error"):
        lacking = [name for name in ("type", "code", "message") if not isinstance(each.get(f"error.{name}"), str)]
        yield f"an error lacks {', '.join(lacking)}" if lacking else None


def _no_append_ack(trace: Trace) -> Verdicts:
    if not trace.sideband and any(trace.sent("session.input_audio.append")):
        yield None
        for each in trace.received():
            if each.type.startswith("session.input_audio.append"):
                yield f"{each.type} came"


def _transcript_times(trace: Trace) -> Verdicts:
    reached: dict[str, int] = {}
    for each in trace.received(*_TRANSCRIPTS):
        start, end = each.get("start_ms"), each.get("end_ms")
        before = reached.get(each.type, 0)
        good = before <= start <= end
        yield None if good else f"{each.type} from {start} to {end} ms, after one that begins at {before} ms"
        reached[each.type] = start


def _append_times(trace: Trace) -> Verdicts:
    for each in trace.received(*_APPENDED):
        start, end = each.get("start_ms"), each.get("end_ms")
        yield None if 0 <= start <= end else f"{each.type} from {start} to {end} ms"


def _played_after_playing(trace: Trace) -> Verdicts:
    playing = may_have_failed = False
    for each in trace.received():
        if each.type == "session.output_audio.fixture.playing":
            if playing and not may_have_failed:
                yield "a fixture is playing before the one before it was played"
            playing, may_have_failed = True, False
        elif each.type == "session.output_audio.fixture.played":
            yield None if playing else "a fixture is played that was not playing"
            playing = False
        elif each.type == "error":
            may_have_failed = True  # a fixture that failed is not played


def _usage_rises(trace: Trace) -> Verdicts:
    reached = 0.0
    for each in trace.received("session.usage.updated", "session.closed"):
        seconds = each.get("usage.seconds")
        yield None if seconds >= reached else f"usage.seconds falls from {reached:g} to {seconds:g}"
        reached = max(reached, seconds)


def _delegation_first(trace: Trace) -> Verdicts:
    if trace.sideband:
        return  # it may have been attached after the delegation was created
    created: set[str] = set()
    for each in trace.received("session.delegation.created", *_IN_A_DELEGATION):
        if each.type == "session.delegation.created":
            created.add(str(each.get("delegation.id")))
        elif (id := each.get("delegation_id")) is not None:
            yield None if id in created else f"{each.type} of {id}, which was not created"


def _delegation_once(trace: Trace) -> Verdicts:
    created: set[str] = set()
    configured = [each.get("session.delegation.type") or "client" for each in trace.sent("session.start")]
    for each in trace.received("session.delegation.created"):
        id, target = str(each.get("delegation.id")), each.get("delegation.target")
        if id in created:
            yield f"{id} is created twice"
        created.add(id)
        good = not configured or target == configured[0]
        yield None if good else f"{id} is for {target}, and {configured[0]} is configured"


def _one_response_at_a_time(trace: Trace) -> Verdicts:
    running: str | None = None
    for each in trace.received("response.event"):
        kind, id = each.get("event.type"), str(each.get("event.response.id"))
        if kind == "response.created":
            yield None if running is None else f"{id} is created while {running} runs"
            running = id
        elif kind in _ENDS:
            running = None


def _stripped_responses(trace: Trace) -> Verdicts:
    for each in trace.received("response.event"):
        snapshot = each.get("event.response")
        if isinstance(snapshot, Mapping):
            held = [name for name in ("output", "tools", "input") if snapshot.get(name)]
            yield f"{each.get('event.type')} holds {', '.join(held)}" if held else None


def _same_session(trace: Trace) -> Verdicts:
    known: str | None = None
    for each in trace.received(*_SESSIONS):
        id = each.get("session.id")
        yield None if known in (None, id) else f"{each.type} names {id}, and {known} was started"
        known = known or id


def _sideband_times(trace: Trace) -> Verdicts:
    if not trace.sideband:
        return
    reached = 0
    for each in trace.received("session.output_audio.delta"):
        start, end = each.get("start_ms"), each.get("end_ms")
        if not isinstance(start, int) or not isinstance(end, int):
            yield "an output audio delta without start_ms and end_ms"
        else:
            yield None if reached <= start <= end else f"output audio from {start} to {end} ms, after {reached} ms"
            reached = end


def _resumed_after_paused(trace: Trace) -> Verdicts:
    paused = False
    for each in trace.received("session.paused", "session.resumed"):
        if each.type == "session.resumed":
            yield None if paused else "session.resumed came, and the session was not paused"
        paused = each.type == "session.paused"


LIVE_INVARIANTS: Final[Mapping[str, Check]] = {
    "live.one_object": one_object,
    "live.event_ids": event_ids(but=_WITHOUT_ID),
    "live.published_types": published("live"),
    "live.no_turns": no_events_of_realtime("live"),
    "live.fields": fields("live", decode_live),
    "live.started_first": _started_first,
    "live.nothing_after_closed": nothing_after("session.closed"),
    "live.answered_once": answered_once,
    "live.client_event_id": answers_name_commands,
    "live.error_reference": errors_name_commands("client_event_id", "error.client_event_id"),
    "live.error_code": _error_code,
    "live.no_append_ack": _no_append_ack,
    "live.whole_samples": whole_samples(_sample_bytes),
    "live.transcript_times": _transcript_times,
    "live.append_times": _append_times,
    "live.played_after_playing": _played_after_playing,
    "live.usage_rises": _usage_rises,
    "live.delegation_first": _delegation_first,
    "live.delegation_once": _delegation_once,
    "live.one_response_at_a_time": _one_response_at_a_time,
    "live.stripped_responses": _stripped_responses,
    "live.same_session": _same_session,
    "live.sideband_times": _sideband_times,
    "live.resumed_after_paused": _resumed_after_paused,
}
