"""How the audio of a Live session is encoded, read from the session as the server has it."""

from __future__ import annotations

from duologue.audio.formats import Encoding
from duologue.errors import AudioError
from duologue.events import is_set
from duologue.events.live import LiveSession

__all__ = ["session_encodings"]


def session_encodings(session: LiveSession, usual: tuple[Encoding, Encoding]) -> tuple[Encoding, Encoding]:
    """The encodings of input and output; `usual` where the session does not say them, or names one that is not known.

    A session names one format for both. A vendor whose output has always another one than its input names the input's.
    """
    wanted = session.audio.format if is_set(session.audio) else None
    if not is_set(wanted):
        return usual
    rate_hz = getattr(wanted, "rate", None)
    try:
        named = Encoding.of(str(getattr(wanted, "type", None)), rate_hz if isinstance(rate_hz, int) else None)
    except AudioError:
        return usual
    return named, named if usual[0] == usual[1] else usual[1]
