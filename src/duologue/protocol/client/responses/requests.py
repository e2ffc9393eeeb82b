"""A client's requests for responses, as values: what was asked, how it ended, and the mark that finds the answer.

The wire echoes a response's `metadata` and no event id, so a request carries its own id there, as one more pair.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from duologue.events import (
    ErrorEvent,
    RealtimeResponse,
    ResponseCreatedEvent,
    ResponseCreateEvent,
    ResponseCreateParams,
    ResponseDoneEvent,
    is_set,
)
from duologue.protocol.wire_limits import MAX_METADATA_PAIRS

__all__ = [
    "REQUEST_TAG",
    "RequestPolicy",
    "Resolution",
    "ResponseRequest",
    "tag_of",
    "tagged",
    "untagged",
]

E = TypeVar("E", ResponseCreatedEvent, ResponseDoneEvent)

REQUEST_TAG: Final = "duologue.request"
"""Key of the pair that a request adds to its metadata; `untagged` takes it out again."""

RequestPolicy: TypeAlias = Literal["wait", "refuse"]
"""What becomes of a request while another response runs: it waits its turn, or is refused at once."""


class ResponseRequest(Struct, frozen=True, kw_only=True):
    """One wish for a response. `event` is as the caller made it, without the tag."""

    request_id: str
    event: ResponseCreateEvent
    policy: RequestPolicy = "wait"
    requested_at_s: float

    @property
    def out_of_band(self) -> bool:
        """Whether the response stays out of the conversation, and may run beside another."""
        return is_set(self.event.response) and self.event.response.conversation == "none"


class Resolution(Struct, frozen=True, kw_only=True):
    """How a request ended: with the response's end, whatever its status, or without one."""

    request: ResponseRequest
    done: ResponseDoneEvent | None = None
    error: ErrorEvent | None = None
    """The `error` that answered the request, if there was one."""
    reason: str = ""
    """Why there is no response; empty when there is."""


def tagged(event: ResponseCreateEvent, request_id: str) -> ResponseCreateEvent | None:
    """The event with the request's id in its metadata; None when there is no room for it."""
    params = event.response if is_set(event.response) else ResponseCreateParams()
    metadata = params.metadata if is_set(params.metadata) else {}
    if len(metadata) >= MAX_METADATA_PAIRS or REQUEST_TAG in metadata:
        return None
    params = msgspec.structs.replace(params, metadata={**metadata, REQUEST_TAG: request_id})
    return msgspec.structs.replace(event, response=params)


def tag_of(response: RealtimeResponse) -> str | None:
    """Id of the request that the response says it answers."""
    return response.metadata.get(REQUEST_TAG) if is_set(response.metadata) else None


def untagged(event: E) -> E:
    """The event as it would have come without the tag; no metadata is null, as servers write it."""
    response: RealtimeResponse = event.response
    metadata = response.metadata
    if not is_set(metadata) or REQUEST_TAG not in metadata:
        return event
    rest = {key: value for key, value in metadata.items() if key != REQUEST_TAG}
    return msgspec.structs.replace(event, response=msgspec.structs.replace(response, metadata=rest or None))
