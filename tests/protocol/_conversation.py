"""A client's core and a server's protocol, and a connection between them that delivers when the test asks.

Messages are passed as text. The test is the application, the player, the engines, the network and the clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from duologue.codec import encode
from duologue.codec.writing import to_plain
from duologue.events import RealtimeEvent
from duologue.protocol import ClientProtocol, Detect, Respond, ServerProtocol, StopResponse, Transcribe
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.history.store import ConversationStore
from duologue.protocol.client.notices import AudioDelta, Interrupted, Notice, RequestEnded
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.responses.requests import Resolution
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.protocol.server.conversation.items import with_transcript
from duologue.testing.pair import FRAME_MS, CountedIds
from tests.protocol._wire import server_event

N = TypeVar("N")

STARTED_AT = 1_700_000_000


class Player:
    """Plays the core's audio, in order, when the test asks."""

    def __init__(self) -> None:
        self.queue: list[AudioDelta] = []
        self.played_bytes: Counter[tuple[str, int]] = Counter()

    def play(self, core: ConversationCore, n_bytes: int) -> None:
        """Play this many bytes."""
        while n_bytes > 0 and self.queue:
            delta = self.queue[0]
            played = min(n_bytes, len(delta.audio))
            core.report_played(delta.item_id, delta.content_index, n_bytes=played)
            self.played_bytes[delta.item_id, delta.content_index] += played
            n_bytes -= played
            rest = delta.audio[played:]
            self.queue[:1] = [msgspec.structs.replace(delta, audio=rest)] if rest else []


class Talk:
    """One conversation. Only the test changes `now`."""

    def __init__(
        self,
        *,
        options: CoreOptions | None = None,
        toolbox: Toolbox | None = None,
        instant: bool = True,
        duration_s: int = 3600,
    ) -> None:
        self.now = 0.0
        self.instant = instant
        self.ids: Callable[[str], str] = CountedIds()
        ids = CountedIds()
        self.core = ConversationCore(new_id=lambda kind: f"c-{ids(kind)}", options=options, toolbox=toolbox)
        self.player = Player()
        self.notices: list[Notice] = []
        self.received: list[RealtimeEvent] = []
        self.sent: list[RealtimeEvent] = []
        self.to_server: list[str] = []
        self.to_client: list[str] = []
        self.responds: dict[str, Respond] = {}
        self.transcribes: dict[str, Transcribe] = {}
        self.connect()

    def connect(self) -> None:
        """A new connection, to a server with a new session."""
        self.to_server.clear()
        self.to_client.clear()
        self.responds.clear()
        self.transcribes.clear()
        self.client = ClientProtocol(new_id=self.ids)
        self.server = ServerProtocol(new_id=self.ids, now=self.now, started_at=STARTED_AT)
        self.server.connect()
        self.flow()

    def lose(self, reason: str = "the connection is lost") -> None:
        """The connection breaks; messages that were not delivered are lost."""
        self.core.lost(reason, now=self.now)
        self.to_server.clear()
        self.to_client.clear()
        self._collect()

    # --- the connection

    def flow(self) -> None:
        """Collect what both sides want to send, and deliver all of it if the connection is instant."""
        self._collect()
        while self.instant and (self.to_server or self.to_client):
            self.deliver_to_server()
            self.deliver_to_client()

    def deliver_to_server(self, count: int = 1_000_000) -> None:
        """The server receives the next messages."""
        for _ in range(min(count, len(self.to_server))):
            self.server.receive_text(self.to_server.pop(0), now=self.now)
        self._collect()

    def deliver_to_client(self, count: int = 1_000_000) -> None:
        """The client receives the next messages."""
        for _ in range(min(count, len(self.to_client))):
            self.arrive(self.to_client.pop(0))
        self._collect()

    def arrive(self, message: str) -> None:
        """The client receives this message."""
        event = self.client.receive(message)
        self.received.append(event)
        self.core.receive(event, now=self.now)
        self._collect()

    def _collect(self) -> None:
        for event in self.core.take_events():
            self.sent.append(event)
            self.to_server.append(self.client.send(event))
        for notice in self.core.take_notices():
            self.notices.append(notice)
            if isinstance(notice, AudioDelta):
                self.player.queue.append(notice)
            elif isinstance(notice, Interrupted):
                self.player.queue.clear()
        self.to_client += [encode(event).decode("utf-8") for event in self.server.take_events()]
        for command in self.server.take_commands():
            match command:
                case Detect(audio=audio, encoding=encoding):
                    frames = encoding.duration_ms(len(audio)) // FRAME_MS
                    self.server.detected([1.0 if audio[:1] == b"\1" else 0.0] * frames, FRAME_MS, now=self.now)
                    self._collect()
                case Respond():
                    self.responds[command.response_id] = command
                case Transcribe():
                    self.transcribes[command.item_id] = command
                case StopResponse(response_id=response_id):
                    self.responds.pop(response_id, None)
                case _:
                    pass

    # --- the application

    def send(self, event: RealtimeEvent) -> None:
        """The application sends an event."""
        self.core.send(event, now=self.now)
        self.flow()

    def speak(self, ms: int) -> None:
        """The user speaks."""
        self._append(b"\1", ms)

    def pause(self, ms: int) -> None:
        """The user is silent."""
        self._append(b"\0", ms)

    def _append(self, sample: bytes, ms: int) -> None:
        encoding = self.core.checks.input_encoding
        assert encoding is not None
        self.core.append(sample * encoding.bytes_for_ms(ms), encoding=encoding)
        self.flow()

    # --- the engines

    def says(self, response_id: str, text: str) -> None:
        """The responder yields text."""
        self.server.response_text(response_id, text, now=self.now)
        self.flow()

    def plays(self, response_id: str, ms: int) -> None:
        """The synthesizer yields audio, unless the response is text only."""
        command = self.responds.get(response_id)
        if command is not None and command.speak:
            self.server.response_audio(response_id, bytes(command.encoding.bytes_for_ms(ms)), now=self.now)
        self.flow()

    def finishes(self, response_id: str) -> None:
        """A response is complete."""
        self.responds.pop(response_id, None)
        self.server.response_finished(response_id, now=self.now)
        self.flow()

    def answers(self, text: str = "Hello.", *, ms: int = 200) -> str:
        """The only response has this text and is complete; returns its id."""
        (response_id,) = self.responds
        self.says(response_id, text)
        if self.responds[response_id].speak:
            self.plays(response_id, ms)
        self.finishes(response_id)
        return response_id

    def transcribe(self, item_id: str, transcript: str) -> None:
        """An item is transcribed."""
        del self.transcribes[item_id]
        self.server.transcript_delta(item_id, transcript)
        self.server.transcribed(item_id, transcript, now=self.now)
        self.flow()

    # --- results

    def of(self, kind: type[N]) -> list[N]:
        """Notices of a kind."""
        return [notice for notice in self.notices if isinstance(notice, kind)]

    @property
    def resolutions(self) -> list[Resolution]:
        """How requests ended."""
        return [notice.resolution for notice in self.of(RequestEnded)]

    def server_view(self) -> list[Any]:
        """The server's items, as JSON. Only the server has the rest of a truncated transcript, until it is retrieved:
        where the client has no text, this view has none either."""
        with_text = {stored.item_id for stored in self.core.store.items if stored.text}
        return [
            to_plain(
                entry.item
                if entry.truncated_transcript is None
                else with_transcript(entry.item, entry.truncated_transcript if entry.item_id in with_text else "")
            )
            for entry in self.server.conversation
        ]

    def client_view(self) -> list[Any]:
        """The client's items, as JSON."""
        return [to_plain(stored.item) for stored in self.core.store.items]

    def sent_of(self, kind: type[N]) -> list[N]:
        """Events of a kind that the client has sent."""
        return [event for event in self.sent if isinstance(event, kind)]


def asked(talk: Talk) -> None:
    """The application asks for a response."""
    talk.core.respond(now=talk.now)
    talk.flow()


def receive(core: ConversationCore, name: str, /, **fields: Any) -> list[Notice]:
    """The core receives this event, under an id of its own; returns the notices."""
    core.receive(server_event(name, **{"event_id": f"{name}-{hash(str(fields))}", **fields}), now=0.0)
    return core.take_notices()


def kinds(notices: list[Notice]) -> list[str]:
    return [type(notice).__name__ for notice in notices]


def speaking(talk: Talk, ms: int = 1000) -> str:
    """The model speaks; returns the id of its response."""
    asked(talk)
    (response_id,) = talk.responds
    talk.says(response_id, "a long story")
    talk.plays(response_id, ms)
    return response_id


def clock(zone: str) -> str:
    """The time in a zone."""
    return f"noon in {zone}"


def calling(core: ConversationCore, *calls: tuple[str, str], response_id: str = "r") -> list[Notice]:
    """The model makes these calls in one response."""
    notices = receive(core, "response.created", response={"id": response_id, "conversation_id": "c"})
    output = [
        {"type": "function_call", "id": f"i{call_id}", "name": "clock", "call_id": call_id, "arguments": arguments}
        for call_id, arguments in calls
    ]
    for index, item in enumerate(output):
        notices += receive(core, "response.output_item.done", response_id=response_id, output_index=index, item=item)
    response = {"id": response_id, "conversation_id": "c", "status": "completed", "output": output}
    return notices + receive(core, "response.done", response=response)


def no_removed_item_is_kept(store: ConversationStore) -> None:
    """Only ids are kept of deleted items; nothing is kept of others that are not in the conversation or will be."""
    builders = store._builders.keys()
    assert len(store._order.ids) + len(store._detached) == len(builders)
    assert builders == {*store._order.ids, *store._detached}
    assert store._sizes.keys() <= builders
    assert store._characters == sum(store._sizes.values())
    assert store._added_by.keys() <= builders
    assert not store._deleted.keys() & builders
    assert store._audio.held_bytes == sum(len(piece) for kept in store._audio._pieces.values() for piece in kept)
