"""A sequencer under test: the test is the application, the server and the clock."""

from __future__ import annotations

from typing import Any

from duologue.events import ResponseCancelEvent, ResponseCreateEvent
from duologue.protocol.client.dispatch import EventContext
from duologue.protocol.client.responses.requests import REQUEST_TAG, Resolution, ResponseRequest
from duologue.protocol.client.responses.sequencer import ResponseSequencer
from duologue.protocol.states import SequenceState
from duologue.testing import CountedIds
from tests.protocol._wire import command, rejected, server_event


class SequencerDriver:
    """A sequencer, what it has sent, and how its requests have ended."""

    def __init__(self, *, tag_requests: bool = True) -> None:
        self.sequencer = ResponseSequencer(new_id=CountedIds(), tag_requests=tag_requests)
        self.sent: list[ResponseCreateEvent | ResponseCancelEvent] = []
        self.ended: list[Resolution] = []

    def ask(self, event: ResponseCreateEvent | None = None, *, now: float = 0.0) -> ResponseRequest:
        request = self.sequencer.request(event, now=now)
        self.collect()
        return request

    def ask_out_of_band(self, **response: Any) -> ResponseRequest:
        return self.ask(wire_create(conversation="none", **response))

    def cancel(self, request: ResponseRequest | None = None) -> bool:
        stopped = self.sequencer.cancel(request.request_id if request else None, now=0.0)
        self.collect()
        return stopped

    def receive(self, name: str, *, now: float = 0.0, **fields: Any) -> None:
        self.sequencer.receive(server_event(name, **fields), EventContext(now=now))
        self.collect()

    def created(self, response_id: str, request: ResponseRequest | None = None, **fields: Any) -> None:
        self.receive("response.created", response=wire(response_id, request, **fields))

    def done(self, response_id: str, request: ResponseRequest | None = None, **fields: Any) -> None:
        self.receive("response.done", response=wire(response_id, request, status="completed", **fields))

    def ask_and_create(self, response_id: str) -> ResponseRequest:
        request = self.ask()
        self.created(response_id, request)
        return request

    def ask_and_finish(self) -> ResponseRequest:
        """A request with its whole response: from it the sequencer learns that the server repeats metadata."""
        request = self.ask_and_create("r0")
        self.done("r0", request)
        return request

    def error(self, code: str, event_id: str | None) -> None:
        self.sequencer.receive(rejected(event_id, code))
        self.collect()

    def tick(self, now: float) -> None:
        self.sequencer.tick(now)
        self.collect()

    def collect(self) -> None:
        self.sent += self.sequencer.take_events()
        self.ended += self.sequencer.take_resolutions()

    def at(self, state: SequenceState) -> bool:
        return self.sequencer.state is state

    @property
    def cancelled(self) -> list[Any]:
        """Ids of the responses for which a cancel was sent."""
        return [event.response_id for event in self.sent if isinstance(event, ResponseCancelEvent)]

    @property
    def last_id(self) -> str:
        return str(self.sent[-1].event_id)


def wire(response_id: str, request: ResponseRequest | None, **fields: Any) -> dict[str, Any]:
    metadata = {REQUEST_TAG: request.request_id} if request else None
    return {"id": response_id, "conversation_id": "conv", "metadata": metadata, **fields}


def wire_create(**response: Any) -> ResponseCreateEvent:
    event = command("response.create", response=response)
    assert isinstance(event, ResponseCreateEvent)
    return event
