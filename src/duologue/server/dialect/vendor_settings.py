"""What a vendor's clients set in words of its own: what the server takes it for, and what they are told of it."""

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

_MOST_NAMES: Final = 64
"""Settings that are remembered: Voice Live has some thirty, and whoever makes up names fills no memory."""

_VOICES: Final = ("session.audio.output", "response.audio.output")


class VendorSettings:
    """Follows the settings of one session. What is told back is in force as far as there is a counterpart."""

    def __init__(self, dialect: str) -> None:
        self._meant = _MEANT.get(dialect, {})
        self._asked: Json = {}
        self._said: Json = {}

    def hear(self, frame: Json) -> None:
        """A client's frame as it came."""
        session = frame.get("session")
        if self._meant and frame.get("type") == "session.update" and isinstance(session, dict):
            self._asked = copy_json(session)

    def understand(self, canonical: Json) -> None:
        """Say the same frame, read by the rules of its dialect, in words that are known here."""
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
        """The update that was heard last is in force, or refused."""
        if accepted:
            self._said = dict(list((self._said | self._asked).items())[:_MOST_NAMES])
        self._asked = {}

    def tell(self, frame: Json) -> None:
        """Put into a session, as it goes to the client, what the client set otherwise than it was understood."""
        for session in objects_at(frame, "session"):
            for name, said in self._said.items():
                told = session.get(name)
                if isinstance(said, dict):
                    session[name] = {**told, **copy_json(said)} if isinstance(told, dict) else copy_json(said)
                elif name not in session:
                    session[name] = copy_json(said)


def _is_foreign_voice(voice: Any) -> bool:
    return isinstance(voice, dict) and "id" not in voice
