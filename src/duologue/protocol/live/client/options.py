"""What an application chooses about one Live session: how long it waits, and whether silence is filled in."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["LiveOptions"]


class LiveOptions(Struct, frozen=True, kw_only=True):
    """Options of `LiveCore`. Times are in seconds."""

    start_within_s: float = 30.0
    """For `session.started`, or the `error` in its place. Servers wait as long for `session.start`."""
    answer_within_s: float = 30.0
    """For the answer to a command. An append is answered when the session's time has come to its place, which takes a
    second while audio is sent, and for ever without."""
    close_within_s: float = 15.0
    """For `session.closed`: servers take ten seconds at most to finish what was begun."""
    stall_after_s: float = 5.0
    """Without input audio the session's time stands still, and the hosted service ends the session after some 31 s.
    From here on that is worth a warning."""
    fill_silence: bool = False
    """Send silence where the application sends no audio, so that the session's time goes on."""
