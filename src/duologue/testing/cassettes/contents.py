"""What a recording holds, arranged for being played by a server.

The recording's own order says when the server may send something: when everything that the client had sent before it
has come again. What the client sends may come before the server's messages that stand before it.
"""

from __future__ import annotations

import os
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct, field

from duologue.errors import RecordingError
from duologue.recording import ClosedLine, ConnectedLine, ExchangeLine, Frame, Header, RecordingReader
from duologue.testing.cassettes.client_ids import ids_in
from duologue.testing.cassettes.messages import InputAudioRate, ReadMessage, event_in, read_message

__all__ = [
    "OPENING_PAUSE_S",
    "CassetteContents",
    "ClientStep",
    "Opening",
    "RecordedSocket",
    "ServerStep",
    "place_of",
    "read_contents",
]

_COMMITS: Final = frozenset({"input_audio_buffer.commit", "input_audio_buffer.clear", "input_audio.turn.end"})
"""Events after which the input audio is counted anew."""


OPENING_PAUSE_S: Final = 0.01
"""Before the first message of a connection. The JavaScript agents send their settings in another order when it arrives
together with the handshake; no server on a network is as fast as that."""

_MAX_PAUSE_S: Final = 0.02
"""Before an answer: as long as it took in the recording, and no longer than this. What clients do by themselves, while
they wait for it, then comes in the same order."""


class ClientStep(Struct, frozen=True, kw_only=True):
    """A message of the client that is no input audio."""

    line_number: int
    message: ReadMessage
    audio_ms: float
    """The input audio before it."""
    turn_audio_ms: float | None = None
    """Of an event that ends the client's turn: the input audio since the one before. None: it is no such event."""


class ServerStep(Struct, frozen=True, kw_only=True):
    """A message of the server, or the end of the connection by the server or the network."""

    line_number: int
    what: str | bytes | ClosedLine
    after_steps: int
    """How many of the client's steps come before it."""
    after_audio_ms: float
    """How much input audio comes before it."""
    pause_s: float = 0.0
    """How long the server took to answer, cut to `_MAX_PAUSE_S`."""
    event: dict[str, Any] | None = None
    """The event, if it holds an id that the client made, or tells a session's audio format."""


class RecordedSocket(Struct, kw_only=True):
    """One connection of a recording."""

    number: int
    line_number: int
    place: str | None
    """Its path and its query without keys; None: the recording does not say it."""
    client: list[ClientStep] = field(default_factory=list)
    server: list[ServerStep] = field(default_factory=list)
    longest_piece_ms: float = 0.0
    """Of input audio."""
    made_by_client: set[str] = field(default_factory=set)
    """Ids that the client used before the server did."""


Opening: TypeAlias = RecordedSocket | ExchangeLine
"""A connection, or the answer to one that was refused."""


class CassetteContents(Struct, kw_only=True):
    """All of a recording."""

    header: Header
    path: str
    """Of the URL of its first connection, without the query."""
    openings: list[Opening] = field(default_factory=list)
    requests: list[ExchangeLine] = field(default_factory=list)
    """Requests over HTTP, in order."""


def place_of(url: str) -> str:
    """The path of a URL, and its query in alphabetical order."""
    parts = urlsplit(url)
    query = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return f"{parts.path or '/'}?{query}" if query else parts.path or "/"


def read_contents(path: str | os.PathLike[str]) -> CassetteContents:
    """Read a recording of either side.

    Raises:
        RecordingError: the file cannot be read, is no recording, has a newer version, or a damaged line.
    """
    with RecordingReader(path) as reader:
        reading = _Reading(reader.header)
        for line in reader.lines():
            reading.take(line, reader.line_number)
        if reader.cut_off:
            raise RecordingError(f"{reader.path} ends in the middle of a line: record it again")
    if not reading.contents.openings and not reading.contents.requests:
        raise RecordingError(f"{reader.path} is a recording of a session without messages: there is nothing to play")
    return reading.contents


class _Reading:
    def __init__(self, header: Header) -> None:
        place = place_of(header.url) if header.url is not None else None
        path = place.partition("?")[0] if place is not None else "/v1/realtime"
        self.contents = CassetteContents(header=header, path=path)
        self._first_place = place
        self._sockets: dict[int, _SocketReading] = {}
        self._of_client: Literal["sent", "received"] = "sent" if header.side == "client" else "received"

    def take(self, line: object, number: int) -> None:
        match line:
            case Frame():
                socket = self._socket(line.connection, number)
                if line.direction == self._of_client:
                    socket.of_client(line.message, number, line.at_s)
                else:
                    socket.of_server(line.message, number, line.at_s)
            case ClosedLine():
                self._socket(line.connection, number).closed(line, number)
            case ConnectedLine(url=url):
                self._socket(line.connection, number, place=place_of(url) if url is not None else None)
            case ExchangeLine(asks_for_socket=True):
                self.contents.openings.append(line)
            case ExchangeLine():
                self.contents.requests.append(line)
            case _:
                pass  # notes are about what happened beside the messages

    def _socket(self, number: int, line_number: int, *, place: str | None = None) -> _SocketReading:
        if number not in self._sockets:
            place = self._first_place if number == 1 else place
            socket = RecordedSocket(number=number, line_number=line_number, place=place)
            self.contents.openings.append(socket)
            self._sockets[number] = _SocketReading(socket)
        return self._sockets[number]


class _SocketReading:
    """Arranges the lines of one connection."""

    def __init__(self, socket: RecordedSocket) -> None:
        self._socket = socket
        self._rate = InputAudioRate()
        self._audio_ms = self._committed_ms = 0.0
        self._made_by_server: set[str] = set()
        self._asked_at_s: float | None = None
        """When the client sent an event that the server has sent nothing after."""

    def of_client(self, message: str | bytes, line_number: int, at_s: float) -> None:
        read = read_message(message, self._rate)
        if read.audio_ms is not None:
            self._audio_ms += read.audio_ms
            self._socket.longest_piece_ms = max(self._socket.longest_piece_ms, read.audio_ms)
            return
        self._asked_at_s = at_s
        turn_ms = None
        if read.type in _COMMITS:
            turn_ms, self._committed_ms = self._audio_ms - self._committed_ms, self._audio_ms
        if read.event is not None:
            self._socket.made_by_client.update(set(ids_in(read.event)) - self._made_by_server)
        self._socket.client.append(
            ClientStep(line_number=line_number, message=read, audio_ms=self._audio_ms, turn_audio_ms=turn_ms)
        )

    def of_server(self, message: str | bytes, line_number: int, at_s: float) -> None:
        event = event_in(message)
        is_told = False
        if event is not None:
            ids = set(ids_in(event))
            self._made_by_server |= ids - self._socket.made_by_client
            is_told = "session" in event or "error" in event or not self._socket.made_by_client.isdisjoint(ids)
            self._rate.take(event)
        self._add(message, line_number, at_s, event if is_told else None)

    def closed(self, line: ClosedLine, line_number: int) -> None:
        if line.by != "client":
            self._add(line, line_number, line.at_s, None)

    def _add(self, what: str | bytes | ClosedLine, line_number: int, at_s: float, event: dict[str, Any] | None) -> None:
        pause_s = OPENING_PAUSE_S if not self._socket.server else 0.0
        if self._asked_at_s is not None:
            pause_s = max(pause_s, min(_MAX_PAUSE_S, at_s - self._asked_at_s))
            self._asked_at_s = None
        self._socket.server.append(
            ServerStep(
                line_number=line_number,
                what=what,
                after_steps=len(self._socket.client),
                after_audio_ms=self._audio_ms,
                pause_s=pause_s,
                event=event,
            )
        )
