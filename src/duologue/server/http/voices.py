"""What the engines can speak and understand, for `GET /v1/audio/voices`."""

from __future__ import annotations

from typing import Any

from duologue.engines.registry import Engines

__all__ = ["voices_of"]


def voices_of(engines: Engines | None, default: str) -> dict[str, Any]:
    """The answer: names of voices, the one of sessions that name none, and languages; null where any may do.

    Without engines, as in a relay, nothing is known.
    """
    voices = engines.synthesizer.voices if engines is not None else ()
    return {
        "voices": list(voices),
        "default": default if default in voices or not voices else voices[0],
        "languages": {
            "understood": _languages(engines.transcriber if engines is not None else None),
            "spoken": _languages(engines.synthesizer if engines is not None else None),
        },
    }


def _languages(engine: object) -> list[str] | None:
    return list(getattr(engine, "languages", ())) or None
