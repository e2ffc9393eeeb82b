"""What a frame says: its event, whose it is, and the sound in it."""

from __future__ import annotations

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.errors import AudioError
from duologue.events.base import UnknownFrame
from duologue.events.base64_text import decode_base64
from duologue.inspection.sequence import AnyFamilyEvent
from duologue.recording import Side

__all__ = ["FrameSound", "ReadEvent"]


class FrameSound(Struct, frozen=True, kw_only=True):
    """The sound of one frame, as it came."""

    base64: str
    encoding: Encoding
    begin_s: float | None = None
    """When it is heard, where the fold knows it already: in families whose output is one track."""

    def pcm16(self) -> bytes:
        """Its whole samples; nothing where it is no base64."""
        try:
            data = decode_base64(self.base64)
            whole = len(data) // self.encoding.bytes_per_sample * self.encoding.bytes_per_sample
            return self.encoding.to_pcm16(data[:whole])
        except (ValueError, AudioError):
            return b""


class ReadEvent(Struct, frozen=True):
    """What a frame says."""

    event: AnyFamilyEvent | UnknownFrame | None
    """None for a message that is no JSON object."""
    name: str
    """Its type as it is on the wire; "(no type)", and "(unreadable)" without an event."""
    by: Side
    sound: FrameSound | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether it is of an unknown type, or breaks the shape of its type."""
        return isinstance(self.event, UnknownFrame)
