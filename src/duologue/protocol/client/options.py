"""What an application chooses about one conversation."""

from __future__ import annotations

from msgspec import Struct

from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.responses.sequencer import ANSWER_WITHIN_S
from duologue.protocol.client.responses.silence import SilenceLimits
from duologue.protocol.liveness import RotationLimits

__all__ = ["CoreOptions"]


class CoreOptions(Struct, frozen=True, kw_only=True):
    """Options of `ConversationCore`."""

    tag_requests: bool = True
    """Add a pair to a request's metadata, so that its answer is found without guessing."""
    answer_within_s: float = ANSWER_WITHIN_S
    """How long to wait for the answer to a `response.create` or a `response.cancel`."""
    silence: SilenceLimits = SilenceLimits()
    """How long the server may tell nothing of a response that has begun. Then the client ends it: with what was told if
    all its items have ended, and else the request is rejected with the reason. Requests behind it go on."""
    keep_audio_bytes: int = 0
    """Keep this much of the model's speech in the store; none by default."""
    checks_off: tuple[str, ...] = ()
    """Names in `LOCAL_CHECKS` of checks that are not made."""
    truncate_on_speech: bool = True
    """When the user begins to talk, cut the model's speech at the position that was played."""
    stop_tools_on_speech: bool = True
    """When the user begins to talk, cancel the functions that run: the question that they answer is no longer the
    latest."""
    continue_after_tools: bool = True
    """Ask the model to go on when all its calls are answered."""
    rotation: RotationLimits = RotationLimits()
    kept: KeptLimits = KeptLimits()
    """How much the server can make this client keep."""
