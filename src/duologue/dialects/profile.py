"""A profile: one dialect of the protocol, as data. `duologue.dialects.live.profile` has those of Live.

`read` and `write` are each other's inverse. Where the rules alone are not (a frame mixes eras, or spells out a
default), the frame is kept with its canonical form, and written back as long as that form is unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from duologue.dialects.names import CANONICAL
from duologue.dialects.places import Json, copy_json
from duologue.dialects.rules import Default, DialectRule, Lacks
from duologue.dialects.utterance import PUBLISHED, UtteranceProfile

__all__ = ["Auth", "FrameProfile", "Profile", "Rules"]

Auth: TypeAlias = Literal["bearer", "api-key", "basic", "jwt", "query", "subprotocol", "none"]
"""How the key is shown: in which header, in the query, or as a subprotocol."""
Rules: TypeAlias = Mapping[str, tuple[DialectRule, ...]]


class FrameProfile(Struct, frozen=True, kw_only=True):
    """How the frames of one vendor or server differ from the canonical model of their family."""

    name: str
    title: str
    names: Mapping[str, str] = {}
    """Their event names to ours. Of several with the same canonical name the first is written."""
    rules: Rules = {}
    """By canonical event name; "*" for all events."""
    lacks_events: frozenset[str] = frozenset()
    """Canonical events that they do not have, and client events that they reject."""
    input_rates_hz: tuple[int, ...] = (24_000,)
    output_rates_hz: tuple[int, ...] = (24_000,)
    """First the usual one; empty where there is no speech."""
    auth: tuple[Auth, ...] = ("bearer",)
    session_minutes: int | None = None
    """After how long they end a session; None: not known."""
    hosts: tuple[str, ...] = ()
    """Ends of host names that speak this dialect."""
    path: str | None = None
    """Part of the URL's path that identifies the dialect."""
    notes: str = ""
    """What is uncertain about it."""

    def rules_for(self, canonical_name: str | None) -> tuple[DialectRule, ...]:
        """The rules that an event is subject to, in the order of reading."""
        return (*self.rules.get(canonical_name or "", ()), *self.rules.get("*", ()))

    def read(self, frame: Json) -> Json:
        """The canonical form of their frame, which is left alone."""
        canonical: Json = copy_json(frame)
        theirs = canonical.get("type")
        ours = self.canonical(theirs) if isinstance(theirs, str) else None
        for rule in self.rules_for(ours):
            rule.read(canonical)
        if ours is not None:
            canonical["type"] = ours
        return canonical

    def write(self, canonical: Json, lost: list[str], *, own: bool = False) -> Json:
        """Their form of a canonical frame, which is left alone; paths without a counterpart are added to `lost`.

        `own` says that the event came in this dialect: its fields evidently exist there, so `Lacks` rules are skipped.
        """
        frame: Json = copy_json(canonical)
        name = canonical.get("type")
        if isinstance(name, str):
            frame["type"] = self.spelled(name)
        for rule in reversed(self.rules_for(name if isinstance(name, str) else None)):
            if not (own and isinstance(rule, Lacks)):
                rule.write(frame, lost)
        return frame

    def canonical(self, name: str) -> str:
        """Our name for an event of theirs."""
        return self.names.get(name, name)

    def spelled(self, canonical_name: str) -> str:
        """Their name for an event."""
        return next((theirs for theirs, ours in self.names.items() if ours == canonical_name), canonical_name)


class Profile(FrameProfile, frozen=True, kw_only=True):
    """How one vendor or server differs from the canonical model of Realtime."""

    heartbeats: frozenset[str] = frozenset()
    """Events that only say that the server is alive, by their own name."""
    twins: frozenset[str] = frozenset()
    """Their names of events that only repeat what another event says as well."""
    intent: bool = False
    """Whether a session that only transcribes is asked for by `intent=transcription` in the query of the URL."""
    intent_takes_model: bool = False
    """Whether the query may name a model beside that; else `audio.input.transcription` alone does. The hosted service
    answers "You must not provide a model parameter for transcription sessions."."""
    utterance: UtteranceProfile = PUBLISHED
    """The commands by which an utterance begins and ends, and by which a client says that no more audio comes."""

    def canonical(self, name: str) -> str:
        """Our name for an event of theirs; the historical names are read in every dialect."""
        return self.names.get(name) or CANONICAL.get(name, name)

    def omissions(self, canonical_name: str) -> tuple[Default, ...] | None:
        """What an event may leave out, if it differs in that and in its name at most; None if in more.

        What stands deep inside counts only where it is always written.
        """
        if canonical_name in self.lacks_events:
            return None
        rules = (rule for rule in self.rules_for(canonical_name) if isinstance(rule, Default))
        defaults = [rule for rule in rules if rule.always_written or not rule.at]
        return tuple(defaults) if len(defaults) == len(self.rules_for(canonical_name)) else None
