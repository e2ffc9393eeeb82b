"""What clients of a vendor send, and count on, that the canonical protocol does not have."""

from __future__ import annotations

from typing import Any, Final

from duologue.dialects.places import Json

__all__ = ["ANSWERS_COMMITS", "fill_in_kind", "switch_off"]

ANSWERS_COMMITS: Final = frozenset({"localai"})
"""Dialects in which a response follows the client's commit by itself where turn detection is off:
https://github.com/mudler/LocalAI/blob/master/tests/e2e/realtime_ws_test.go"""

_OPEN_SERVERS: Final = frozenset({"localai", "sglang", "speaches", "vllm", "vllm-omni"})
"""Dialects whose clients leave `session.type` out: the servers know but one kind of session."""

_OFF: Final = frozenset({"xai"})
"""Dialects in which `turn_detection: {"type": null}` is off, with whatever stands beside the type."""


def fill_in_kind(dialect: str, theirs: Json, canonical: Json, *, kind: str) -> None:
    """Set the session's own kind in a `session.update` that names none, in place."""
    config: Any = theirs.get("session")
    session: Any = canonical.get("session")
    if dialect not in _OPEN_SERVERS or canonical.get("type") != "session.update" or not isinstance(session, dict):
        return
    # Settings that stand in the event itself, as vLLM's, are those of its one kind of session.
    if isinstance(config, dict) and config.get("type") is None:
        session["type"] = kind


def switch_off(dialect: str, audio_input: Any) -> None:
    """Make null of a turn detection without a type, in place."""
    if dialect in _OFF and isinstance(audio_input, dict):
        detection = audio_input.get("turn_detection")
        if isinstance(detection, dict) and detection.get("type", ...) is None:
            audio_input["turn_detection"] = None
