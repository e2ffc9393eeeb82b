"""Work that the model handed to the application: what `on_delegation` gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duologue.protocol.live.client.notices import DelegationStarted
from duologue.protocol.live.client.transcript import LiveTranscript

if TYPE_CHECKING:
    from duologue.client.live.control import LiveControl

__all__ = ["Delegation"]


class Delegation:
    """A piece of work. It has no text of its own: what to do is known from the transcript.

    Any number of `say` and `think` answer it, also after the function has returned.
    """

    __slots__ = ("id", "live", "offset_ms")

    def __init__(self, notice: DelegationStarted, live: LiveControl) -> None:
        self.id: str = notice.delegation.id
        self.offset_ms: int = notice.offset_ms
        """Where in the session's time the work was handed over; it may be past."""
        self.live: LiveControl = live
        """The session."""

    def __repr__(self) -> str:
        return f"Delegation({self.id!r})"

    def transcript(self) -> LiveTranscript:
        """What was said so far; its last utterances say what to do."""
        return self.live.transcript()

    async def say(self, text: str) -> str:
        """Answer with what the model may say, in its own words. Raises as `append_commentary` does."""
        return await self.live.append_commentary(text, delegation_id=self.id)

    async def think(self, text: str) -> str:
        """Answer with what the model should know and not say, such as progress. Raises as `append_thinking` does."""
        return await self.live.append_thinking(text, delegation_id=self.id)
