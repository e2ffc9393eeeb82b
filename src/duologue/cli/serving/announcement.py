"""What `duologue serve` prints when clients can connect."""

from __future__ import annotations

import re

from duologue.cli.local_server import LISTENING
from duologue.server.talk.address import talk_address

__all__ = ["announce"]


def announce(url: str, *more: str, inspector: str | None, webrtc: bool, talk: bool) -> None:
    """Print where the server is, and what else there is; `more` are further lines."""
    lines = [f"{LISTENING}{url}"]
    if webrtc:
        lines.append(f"calls over WebRTC are made at {re.sub('^ws', 'http', url)}/calls")
    if inspector is not None:
        lines.append(f"calls are seen at {inspector}")
    if talk:
        lines.append(f"talk to it at {talk_address(url, inspector=inspector)}")
    print("\n".join((*lines, *more)), flush=True)
