"""The output: one track without a break, made of the voice, of a clip that is played, and of zeros."""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec import Struct, field

from duologue.audio.formats import Encoding
from duologue.audio.pacing import silence
from duologue.protocol.live.server.sound.clip import FixtureClip
from duologue.protocol.server.account import MemoryAccount

__all__ = ["PIECE_MS", "OutputMixer", "Played"]

PIECE_MS: Final = 100
"""Output is sent in pieces of this length, as measured at the hosted service."""


class _Speech(Struct):
    """The speech of one reply that is still to be heard."""

    reply_id: str
    audio: bytearray = field(default_factory=bytearray)
    played_bytes: int = 0
    ended: bool = False


class Played(Struct, frozen=True):
    """The speech of a reply is over, after so many bytes of it."""

    reply_id: str
    played_bytes: int


class OutputMixer:
    """Hands out the track piece by piece. A clip goes before the voice, and the voice waits for it."""

    def __init__(self, encoding: Encoding, account: MemoryAccount) -> None:
        self._account = account
        self._encoding = encoding
        self._piece_bytes = encoding.bytes_for_ms(PIECE_MS)
        self._speech: deque[_Speech] = deque()
        self._clip: FixtureClip | None = None
        self._pieces = 0

    @property
    def position_ms(self) -> int:
        """How much has been handed out."""
        return self._pieces * PIECE_MS

    @property
    def has_voice(self) -> bool:
        """Whether some speech is still to be heard, or to come."""
        return bool(self._speech)

    @property
    def plays_clip(self) -> bool:
        """Whether a clip is being played."""
        return self._clip is not None

    @property
    def voice_ahead_ms(self) -> int:
        """Speech that has come and is still to be heard."""
        return self._encoding.duration_ms(sum(len(speech.audio) for speech in self._speech))

    def sound_ms(self) -> int:
        """When the next speech that comes will be heard."""
        clip = self._clip.left_ms if self._clip is not None else 0
        return self.position_ms + clip + self.voice_ahead_ms

    def begin(self, reply_id: str) -> None:
        """A reply begins to speak, behind those before it."""
        self._speech.append(_Speech(reply_id))

    def add(self, reply_id: str, audio: bytes) -> None:
        """More speech of a reply that has begun and not ended."""
        for speech in self._speech:
            if speech.reply_id == reply_id:
                speech.audio += audio
                self._account.change("audio", len(audio))

    def end(self, reply_id: str) -> None:
        """A reply's speech is complete."""
        for speech in self._speech:
            if speech.reply_id == reply_id:
                speech.ended = True

    def cut(self) -> list[Played]:
        """Drop all speech that has not been handed out. Returns how much of each reply was."""
        dropped = [Played(speech.reply_id, speech.played_bytes) for speech in self._speech]
        self._account.change("audio", -sum(len(speech.audio) for speech in self._speech))
        self._speech.clear()
        return dropped

    def play(self, clip: FixtureClip) -> None:
        """Play a clip from now on."""
        self._clip = clip
        self._account.change("audio", clip.held_bytes)

    def take_piece(self) -> tuple[bytes, list[Played], bool]:
        """The next piece, which replies are over with it, and whether the clip is."""
        self._pieces += 1
        piece, over, clip_over = bytearray(), list[Played](), False
        if self._clip is not None:
            held_bytes = self._clip.held_bytes
            piece += self._clip.take(self._piece_bytes)
            self._account.change("audio", self._clip.held_bytes - held_bytes)
            if clip_over := self._clip.is_over:
                self._end_clip()
        else:
            self._add_voice(piece, over)
        return bytes(piece) + silence(self._encoding, self._piece_bytes - len(piece)), over, clip_over

    def release(self) -> None:
        """The session is over."""
        self.cut()
        self._end_clip()

    def _end_clip(self) -> None:
        if self._clip is not None:
            self._account.change("audio", -self._clip.held_bytes)
            self._clip = None

    def _add_voice(self, piece: bytearray, over: list[Played]) -> None:
        while self._speech and len(piece) < self._piece_bytes:
            speech = self._speech[0]
            missing = self._piece_bytes - len(piece)
            if not speech.ended and len(speech.audio) < missing:
                return  # a gap inside of a word would be heard: wait for a whole piece
            taken = self._taken(speech.audio, missing)
            speech.played_bytes += len(taken)
            piece += taken
            if speech.ended and not speech.audio:
                over.append(Played(speech.reply_id, speech.played_bytes))
                self._speech.popleft()

    def _taken(self, audio: bytearray, n_bytes: int) -> bytes:
        taken = bytes(audio[:n_bytes])
        del audio[:n_bytes]
        self._account.change("audio", -len(taken))
        return taken
