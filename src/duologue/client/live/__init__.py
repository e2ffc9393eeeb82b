"""The client of Live sessions."""

from __future__ import annotations

from duologue.client.live.config import LiveSessionInput
from duologue.client.live.delegation import Delegation
from duologue.client.live.entry import attach_live, fork_live, live
from duologue.client.live.playback import LivePlayback
from duologue.client.live.session import Live, LiveSideband
from duologue.protocol.live.client.options import LiveOptions

__all__ = [
    "Delegation",
    "Live",
    "LiveOptions",
    "LivePlayback",
    "LiveSessionInput",
    "LiveSideband",
    "attach_live",
    "fork_live",
    "live",
]
