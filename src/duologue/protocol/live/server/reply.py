"""One reply of the voice, from its request until it has been heard, or cut."""

from __future__ import annotations

from typing import Literal, TypeAlias

from duologue.audio.formats import Encoding
from duologue.protocol.live.server.history import HistoryEntry
from duologue.protocol.server.conversation.transcript_alignment import SpokenText

__all__ = ["Reply", "ReplyKind"]

ReplyKind: TypeAlias = Literal["voice", "backend", "commentary"]
"""What it says: an answer to the user, that of a response which was asked for, or a commentary."""


class Reply:
    """What one reply has said, and how much of it has a place in the transcript."""

    def __init__(self, reply_id: str, kind: ReplyKind, encoding: Encoding, *, commentary: str | None = None) -> None:
        self.reply_id = reply_id
        self.kind = kind
        self.commentary = commentary
        """What to say word for word."""
        self.spoken: SpokenText = SpokenText(encoding)
        self.entry: HistoryEntry | None = None
        """Its message in the history, once it has words or calls."""
        self.is_response: bool = kind == "backend"
        """Whether it is a response of the Responses model too, which is not cancelled when the user talks over it."""
        self.is_cut = False
        """Whether the user talked over it: what it goes on to say is not heard."""
        self._placed_chars = 0
        self._clause_from_bytes = 0
        """How much had been spoken when the last clause began."""

    @property
    def text(self) -> str:
        """All that it has said."""
        return self.spoken.text

    @property
    def is_placed(self) -> bool:
        """Whether some of it has a place in the transcript."""
        return self._placed_chars > 0

    def clause_bytes(self) -> int:
        """How much of the speech the last clause took; the next one begins now."""
        begin, self._clause_from_bytes = self._clause_from_bytes, self.spoken.audio_bytes
        return self._clause_from_bytes - begin

    def place_clause(self, clause: str) -> str:
        """The text up to the end of this clause that has no place in the transcript yet."""
        found = self.text.find(clause, self._placed_chars)
        if found < 0:
            return self.place_rest()
        begin, self._placed_chars = self._placed_chars, found + len(clause)
        return self.text[begin : self._placed_chars]

    def place_rest(self) -> str:
        """All text that has no place in the transcript yet."""
        begin, self._placed_chars = self._placed_chars, len(self.text)
        return self.text[begin:]
