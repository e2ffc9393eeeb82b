"""The model's speech in the encoding of a loudspeaker, and the way back: how much of the wire's bytes was heard."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.audio.transcoding import TranscodeStream
from duologue.client.sound.playout import ItemPart
from duologue.protocol.client.notices import AudioDelta

__all__ = ["SpeechConverter"]

_REMEMBERED: Final = 256
"""Parts whose positions are kept, as many as the conversation keeps."""


class _Part(Struct):
    wire: Encoding
    received_bytes: int = 0
    """Of the wire."""
    made_bytes: int = 0
    """Of the loudspeaker."""
    heard_bytes: int = 0
    """Of the loudspeaker."""
    reported_bytes: int = 0
    """Of the wire."""
    skipped_bytes: int = 0
    """Of the wire: what came before the first piece."""
    is_flushed: bool = False


class SpeechConverter:
    """Converts one part after another; positions are counted for each."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        """Of the loudspeaker."""
        self._parts: dict[ItemPart, _Part] = {}
        self._current: ItemPart | None = None
        self._stream: TranscodeStream | None = None

    def push(self, piece: AudioDelta, *, received_bytes: int | None = None) -> list[tuple[ItemPart, bytes]]:
        """More speech; returns what is ready to be played, the rest of the part before it too.

        `received_bytes` is how much of the part has come in all, where the first of it may have been missed.

        Raises:
            MissingExtra: the rates differ, and the `audio` extra is not installed.
        """
        part = ItemPart(piece.item_id, piece.content_index)
        ready: list[tuple[ItemPart, bytes]] = []
        known = self._parts.get(part)
        if part != self._current or self._stream is None or known is None or known.wire != piece.encoding:
            ready += self.flush()
            self._stream = TranscodeStream(piece.encoding, self.encoding)
            self._current = part
        if known is None:
            missed = 0 if received_bytes is None else max(0, received_bytes - len(piece.audio))
            known = self._parts[part] = _Part(piece.encoding, skipped_bytes=missed)
            if len(self._parts) > _REMEMBERED:
                del self._parts[next(iter(self._parts))]
        known.wire, known.is_flushed = piece.encoding, False
        known.received_bytes += len(piece.audio)
        audio = self._stream.push(piece.audio)
        known.made_bytes += len(audio)
        return [*ready, (part, audio)]

    def flush(self) -> list[tuple[ItemPart, bytes]]:
        """The rest of the current part, which a resampler holds back until it knows that nothing follows."""
        if self._current is None or self._stream is None:
            return []
        part, audio = self._current, self._stream.flush()
        self._stream = None
        if (known := self._parts.get(part)) is not None:
            known.made_bytes += len(audio)
            known.is_flushed = True
        return [(part, audio)]

    def drop(self) -> None:
        """The rest of the current part will not be played."""
        self._stream = None

    def heard(self, part: ItemPart, n_bytes: int) -> int | None:
        """So many more bytes of a part have been heard; returns its position in the wire's bytes. None: not known."""
        known = self._parts.get(part)
        if known is not None:
            known.heard_bytes += n_bytes
        return self.position(part)

    def position(self, part: ItemPart) -> int | None:
        """How much of a part was heard, in bytes of the wire from its beginning; None if it is not known."""
        known = self._parts.get(part)
        if known is None:
            return None
        if known.is_flushed and known.heard_bytes >= known.made_bytes:
            heard = known.received_bytes  # all of it, whatever rounding has left
        else:
            samples = known.heard_bytes // self.encoding.bytes_per_sample * known.wire.rate_hz // self.encoding.rate_hz
            heard = min(samples * known.wire.bytes_per_sample, known.received_bytes)
        known.reported_bytes = max(heard, known.reported_bytes)
        return known.skipped_bytes + known.reported_bytes

    def heard_ms(self, part: ItemPart) -> int | None:
        """The same in milliseconds, rounded down."""
        position = self.position(part)
        return self._parts[part].wire.duration_ms(position) if position is not None else None
