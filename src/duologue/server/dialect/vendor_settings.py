"""Settings that only one vendor has: translated to canonical ones, and sent back to the client as it set them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from duologue.dialects.places import Json, copy_json, find, objects_at

__all__ = ["VendorSettings"]

_NEAREST: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "azure-voice-live": {
        # They have the threshold and silence settings of server_vad, which semantic_vad lacks here.
        "session.audio.input.turn_detection": {
            "azure_semantic_vad": "server_vad",
            "azure_semantic_vad_en": "server_vad",
            "azure_semantic_vad_multilingual": "server_vad",
        },
        # It is for microphones at any distance; far ones need it most.
        "session.audio.input.noise_reduction": {"azure_deep_noise_suppression": "far_field"},
    },
}
"""Types that only a vendor has, and the nearest canonical ones, by dialect and path."""

_MAX_NAMES: Final = 64
"""Stored settings: Voice Live has some thirty, and invented names must not fill the memory."""

_VOICES: Final = ("session.audio.output", "response.audio.output")


class VendorSettings:
    """The vendor settings of one session: sent back as set; those with a canonical counterpart have an effect."""

    def __init__(self, dialect: str) -> None:
        self._nearest = _NEAREST.get(dialect, {})
        self._pending: Json = {}
        self._in_force: Json = {}

    def read(self, frame: Json) -> None:
        """Remember the settings of a client's untranslated frame."""
        session = frame.get("session")
        if self._nearest and frame.get("type") == "session.update" and isinstance(session, dict):
            self._pending = copy_json(session)

    def translate(self, canonical: Json) -> None:
        """Replace the vendor's types in the same frame, translated by the dialect's rules, with canonical ones."""
        for place, kinds in self._nearest.items():
            for config in objects_at(canonical, place):
                kind = config.get("type")
                config["type"] = kinds.get(kind, kind) if isinstance(kind, str) else kind
        for place in _VOICES if self._nearest else ():
            output = find(canonical, place)
            if isinstance(output, dict) and _is_foreign_voice(output.get("voice")):
                # A part of a voice is of no use: the session keeps its current voice.
                del output["voice"]

    def settle(self, *, accepted: bool) -> None:
        """The last update was accepted or rejected."""
        if accepted:
            self._in_force = dict(list((self._in_force | self._pending).items())[:_MAX_NAMES])
        self._pending = {}

    def restore(self, frame: Json) -> None:
        """Put the client's own settings back into the sessions of a frame to the client."""
        for session in objects_at(frame, "session"):
            for name, value in self._in_force.items():
                present = session.get(name)
                if isinstance(value, dict):
                    session[name] = {**present, **copy_json(value)} if isinstance(present, dict) else copy_json(value)
                elif name not in session:
                    session[name] = copy_json(value)


def _is_foreign_voice(voice: Any) -> bool:
    return isinstance(voice, dict) and "id" not in voice
