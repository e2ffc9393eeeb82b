"""What holds in every trace of a translation: one function for each rule of `tables/translation/invariants.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.codec import decode_translation
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
from duologue.conformance.wire.trace import Trace

__all__ = ["TRANSLATION_INVARIANTS"]

_STREAMS: Final = (
    "session.output_audio.delta",
    "session.output_transcript.delta",
    "session.input_transcript.delta",
)


def _no_append_ack(trace: Trace) -> Verdicts:
    if any(trace.sent("session.input_audio_buffer.append")):
        yield None
        for each in trace.received():
            if each.type.startswith("session.input_audio_buffer"):
                yield f"{each.type} came"


def _elapsed(trace: Trace) -> Verdicts:
    reached: dict[str, int] = {}
    for each in trace.received(*_STREAMS):
        elapsed = each.get("elapsed_ms")
        if elapsed is not None:
            before = reached.get(each.type, 0)
            yield None if elapsed >= before else f"{each.type} at {elapsed} ms, after one at {before} ms"
            reached[each.type] = elapsed


TRANSLATION_INVARIANTS: Final[Mapping[str, Check]] = {
    "translation.one_object": one_object,
    "translation.event_ids": event_ids(but=()),
    "translation.published_types": published("translation"),
    "translation.no_turns": no_events_of_realtime("translation"),
    "translation.fields": fields("translation", decode_translation),
    "translation.nothing_after_closed": nothing_after("session.closed"),
    "translation.error_echo": errors_name_commands("error.event_id"),
    "translation.no_append_ack": _no_append_ack,
    "translation.whole_samples": whole_samples(lambda trace: 2),
    "translation.elapsed": _elapsed,
}
