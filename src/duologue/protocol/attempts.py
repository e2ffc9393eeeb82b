"""A request for a response on its way to the server and back: what was sent of it, and which answer may be its own."""

from __future__ import annotations

from math import inf

from msgspec import UNSET, Struct

from duologue.events import RealtimeResponse, is_set
from duologue.protocol.requests import ResponseRequest

__all__ = ["Attempt"]


class Attempt(Struct, kw_only=True):
    """One request, over all the times that it is sent."""

    request: ResponseRequest
    event_id: str = ""
    """Of the create that was sent last."""
    tagged: bool = False
    tries: int = 0
    cancelled: bool = False
    """Stop the response as soon as there is one."""
    ends_by: float = inf
    """When the wait for an answer is given up."""

    def may_be(self, response: RealtimeResponse, *, crowded: bool, echoes: bool) -> bool:
        """Whether a response without a tag may be the answer, by the metadata that was sent and by its conversation.

        `crowded` says that requests out of band wait for an answer too, `echoes` that the server repeats metadata.
        """
        if self.request.out_of_band:
            fits = not isinstance(response.conversation_id, str)
        else:
            fits = response.conversation_id is not None or not crowded
        if self.tagged:
            return fits and not echoes
        params = self.request.event.response
        wanted = params.metadata if is_set(params) else UNSET
        return fits and not (is_set(wanted) and is_set(response.metadata) and wanted != response.metadata)
