"""A client's requests for responses, as values: the request, how it ended, and the tag that identifies the answer.

The server repeats a response's `metadata` and no event id (rule `response.metadata`), so a request has its own id
there, as one more pair.
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
from duologue.protocol.client.response_ids import response_id_of
from duologue.protocol.wire_limits import MAX_METADATA_PAIRS

__all__ = [
    "REQUEST_TAG",
    "RequestPolicy",
    "Resolution",
    "ResponseRequest",
    "response_id_of",
    "tag_of",
    "tagged",
    "untagged",
]

E = TypeVar("E", ResponseCreatedEvent, ResponseDoneEvent)

REQUEST_TAG: Final = "duologue.request"
"""Key of the pair that a request adds to its metadata; `untagged` removes it."""

RequestPolicy: TypeAlias = Literal["wait", "refuse"]
"""What happens to a request while another response runs: it waits for its turn, or raises at once."""


class ResponseRequest(Struct, frozen=True, kw_only=True):
    """One request for a response. `event` is the caller's, without the tag."""

    request_id: str
    event: ResponseCreateEvent
    policy: RequestPolicy = "wait"
    requested_at_s: float

    @property
    def out_of_band(self) -> bool:
        """Whether the response stays out of the conversation, and may run while another one does."""
        return is_set(self.event.response) and self.event.response.conversation == "none"


class Resolution(Struct, frozen=True, kw_only=True):
    """How a request ended: with a `response.done` of any status, or without one."""

    request: ResponseRequest
    done: ResponseDoneEvent | None = None
    error: ErrorEvent | None = None
    """The `error` that answered the request, if there was one."""
    reason: str = ""
    """Why there is no response, or why its status is "unknown"; else empty."""


def tagged(event: ResponseCreateEvent, request_id: str) -> ResponseCreateEvent | None:
    """The event with the request's id in its metadata; None if there is no room (rule `error.metadata_too_large`)."""
    params = event.response if is_set(event.response) else ResponseCreateParams()
    metadata = params.metadata if is_set(params.metadata) else {}
    if len(metadata) >= MAX_METADATA_PAIRS or REQUEST_TAG in metadata:
        return None
    params = msgspec.structs.replace(params, metadata={**metadata, REQUEST_TAG: request_id})
    return msgspec.structs.replace(event, response=params)


def tag_of(response: RealtimeResponse) -> str | None:
    """Id of the request that the response's tag names."""
    return response.metadata.get(REQUEST_TAG) if is_set(response.metadata) else None


def untagged(event: E) -> E:
    """The event without the tag; empty metadata becomes null, as servers write it."""
    response: RealtimeResponse = event.response
    metadata = response.metadata
    if not is_set(metadata) or REQUEST_TAG not in metadata:
        return event
    rest = {key: value for key, value in metadata.items() if key != REQUEST_TAG}
    return msgspec.structs.replace(event, response=msgspec.structs.replace(response, metadata=rest or None))
