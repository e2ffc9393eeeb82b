"""What holds in every trace of a call over WebRTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.conformance.rulebook.any_session import Check, Verdicts
from duologue.conformance.wire.trace import Trace, WireMessage

__all__ = ["CALL_INVARIANTS"]

_PLAYBACK: Final = "output_audio_buffer."
_SPOKEN: Final = frozenset({"audio", "output_audio"})


def _no_audio_delta(trace: Trace) -> Verdicts:
    deltas = list(trace.received("response.output_audio.delta"))
    if trace.sideband:
        return  # another rule is about those
    if deltas:
        yield f"{deltas[0].get('response_id')}: response.output_audio.delta came over the data channel"
    elif any(trace.received("response.output_audio.done")):
        yield None


def _playback_once(trace: Trace) -> Verdicts:
    for id, messages in _playback(trace).items():
        types = [each.type.removeprefix(_PLAYBACK) for each in messages]
        ends = [each for each in types if each in ("stopped", "cleared")]
        if types[0] != "started" or types.count("started") > 1 or len(ends) > 1:
            yield f"{id}: {', '.join(types)}"
        elif ends:
            yield None


def _playback_spoken(trace: Trace) -> Verdicts:
    if trace.sideband:
        return  # it may have been attached in the middle of a response
    for id in _playback(trace):
        parts = [each for each in trace.received("response.content_part.added") if each.get("response_id") == id]
        spoken = any(each.get("part.type") in _SPOKEN for each in parts)
        yield None if spoken else f"{id}: it is played, and has no spoken part"


def _playback(trace: Trace) -> dict[str, list[WireMessage]]:
    """The events of playback by the response that they are about."""
    found: dict[str, list[WireMessage]] = {}
    for each in trace.received():
        if each.type in (f"{_PLAYBACK}started", f"{_PLAYBACK}stopped", f"{_PLAYBACK}cleared"):
            found.setdefault(str(each.get("response_id")), []).append(each)
    return found


CALL_INVARIANTS: Final[Mapping[str, Check]] = {
    "no_audio_delta": _no_audio_delta,
    "playback_once": _playback_once,
    "playback_spoken": _playback_spoken,
}
