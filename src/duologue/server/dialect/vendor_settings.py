"""Settings that only one vendor has: their canonical counterparts, and how they are sent back to the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from duologue.dialects.places import Json, copy_json, find, objects_at

__all__ = ["VendorSettings"]

_MEANT: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "azure-voice-live": {
        # They have the thresholds and silences of server_vad, which semantic_vad here has not.
        "session.audio.input.turn_detection": {
            "azure_semantic_vad": "server_vad",
            "azure_semantic_vad_en": "server_vad",
            "azure_semantic_vad_multilingual": "server_vad",
        },
        # It is for microphones at any distance; those far away need it most.
        "session.audio.input.noise_reduction": {"azure_deep_noise_suppression": "far_field"},
    },
}
"""Kinds that only a vendor has, by dialect and place, and what comes nearest to them."""

_MAX_NAMES: Final = 64
"""Settings that are remembered: Voice Live has some thirty, and invented names must not fill the memory."""

_VOICES: Final = ("session.audio.output", "response.audio.output")


class VendorSettings:
    """The vendor settings of one session. They are sent back as set; those with a counterpart have an effect."""

    def __init__(self, dialect: str) -> None:
        self._meant = _MEANT.get(dialect, {})
        self._asked: Json = {}
        self._in_force: Json = {}

    def read(self, frame: Json) -> None:
        """A client's frame as it came."""
        session = frame.get("session")
        if self._meant and frame.get("type") == "session.update" and isinstance(session, dict):
            self._asked = copy_json(session)

    def translate(self, canonical: Json) -> None:
        """Replace the vendor's kinds in the same frame, already read by its dialect's rules, by canonical ones."""
        for place, kinds in self._meant.items():
            for config in objects_at(canonical, place):
                kind = config.get("type")
                config["type"] = kinds.get(kind, kind) if isinstance(kind, str) else kind
        for place in _VOICES if self._meant else ():
            output = find(canonical, place)
            if isinstance(output, dict) and _is_foreign_voice(output.get("voice")):
                # No voice is better than half of one: the session keeps the one that it has.
                del output["voice"]

    def settle(self, *, accepted: bool) -> None:
        """The last update was accepted or rejected."""
        if accepted:
            self._in_force = dict(list((self._in_force | self._asked).items())[:_MAX_NAMES])
        self._asked = {}

    def restore(self, frame: Json) -> None:
        """Put into a session, as it goes to the client, what the client set otherwise than it was understood."""
        for session in objects_at(frame, "session"):
            for name, value in self._in_force.items():
                present = session.get(name)
                if isinstance(value, dict):
                    session[name] = {**present, **copy_json(value)} if isinstance(present, dict) else copy_json(value)
                elif name not in session:
                    session[name] = copy_json(value)


def _is_foreign_voice(voice: Any) -> bool:
    return isinstance(voice, dict) and "id" not in voice
