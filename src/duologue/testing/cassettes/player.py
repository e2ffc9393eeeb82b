"""Plays one recorded connection to a client: no I/O, no clock.

player.receive(message)          # from the client
for step in player.take_due():   # to the client: messages, and the end of the connection
    …
player.fault                     # why this client is not the recorded one; then nothing more is due
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias, assert_never, get_args

from msgspec import Struct

from duologue.codec.jsontext import write_text
from duologue.recording import ClosedLine
from duologue.testing.cassettes.client_ids import ClientIds
from duologue.testing.cassettes.comparison import Difference, IgnoredFields, differences
from duologue.testing.cassettes.contents import ClientStep, RecordedSocket, ServerStep
from duologue.testing.cassettes.expiry import postponed
from duologue.testing.cassettes.independence import are_independent
from duologue.testing.cassettes.messages import InputAudioRate, ReadMessage, read_message

__all__ = ["ConnectionPlayer", "Due", "Match", "Mismatch", "Outgoing"]

Match: TypeAlias = Literal["strict", "types", "order"]
"""strict: each event as it was recorded. types: each event of the recorded type. order: the recorded types in their
order, with any other events between them."""

Outgoing: TypeAlias = str | bytes | ClosedLine

_PIECE_MS: Final = 100.0
"""The usual length of a piece of audio. The last one of a clip is cut short or filled up, so lengths may differ by the
longest piece, and by no more than this."""

_MAX_OVERTAKEN: Final = 16
"""Events that may come in any order among themselves: a response calls fewer functions."""

_REMEMBERED: Final = 3
"""Messages of the client before one that differs."""


class Due(Struct, frozen=True):
    """What the server sends now, after so many seconds."""

    what: Outgoing
    pause_s: float = 0.0


class Mismatch(Struct, frozen=True, kw_only=True):
    """Where a client is not the recorded one."""

    number: int
    """Of the client's event on its connection, from 1; input audio does not count."""
    expected: ClientStep | None
    """None: the recording has no more events of the client."""
    came: str
    """The type of what came."""
    differences: tuple[Difference, ...] = ()
    before: tuple[str, ...] = ()
    """The events before it."""


class ConnectionPlayer:
    """One connection."""

    def __init__(
        self,
        socket: RecordedSocket,
        *,
        match: Match = "strict",
        ignored: IgnoredFields | None = None,
        later_s: int = 0,
    ) -> None:
        """What ends in the recording ends `later_s` later. Raises ValueError: there is no such kind of match."""
        if match not in get_args(Match):
            raise ValueError(f"match is one of {', '.join(get_args(Match))}, not {match!r}")
        self.socket = socket
        self.fault: Mismatch | None = None
        self.steps_done: int = 0
        """How many of the client's recorded events have come, and all before them."""
        self._match: Match = match
        self._later_s = later_s
        self._ignored = ignored or IgnoredFields(())
        self._ids = ClientIds(frozenset(socket.made_by_client))
        self._rate = InputAudioRate()
        self._audio_ms = 0.0
        """Input audio: the position in the recorded audio, which it is never behind."""
        self._turn_audio_ms = self._longest_piece_ms = 0.0
        self.sent: int = 0
        """How many of the server's recorded messages have been given out, its close among them."""
        self._came = 0
        self._overtaking: set[int] = set()
        """Recorded events that have come before others in front of them."""
        self._recent: deque[str] = deque(maxlen=_REMEMBERED)

    def receive(self, message: str | bytes) -> None:
        """Take a message of the client. What does not fit the recording becomes the `fault`."""
        if self.fault is not None:
            return
        read = read_message(message, self._rate)
        if read.audio_ms is not None:
            self._audio_ms += read.audio_ms
            self._turn_audio_ms += read.audio_ms
            self._longest_piece_ms = max(self._longest_piece_ms, read.audio_ms)
            self._recall_audio()
            return
        self._came += 1
        fits = self._fitting(read)
        if isinstance(fits, int):
            self._done(fits, read)
        elif self._match != "order":
            self.fault = Mismatch(
                number=self._came,
                expected=next(iter(self.left_over), None),
                came=read.type,
                differences=tuple(fits),
                before=tuple(self._recent),
            )

    def take_due(self) -> list[Due]:
        """What the server sends now, in order, each once."""
        due: list[Due] = []
        while self.fault is None and (step := self._next) is not None and self._is_due(step):
            self.sent += 1
            due.append(Due(self._now(step), step.pause_s))
        return due

    @property
    def waits_for(self) -> ClientStep | float | None:
        """What the client has to send before the server's next message: an event, or so many milliseconds of input
        audio. None: there is no such message."""
        if (step := self._next) is None or self.fault is not None:
            return None
        if self.steps_done < step.after_steps:
            return self.socket.client[self.steps_done]
        return max(0.0, self._needed_ms(step) - self._audio_ms)

    @property
    def next_message(self) -> ServerStep | None:
        """The server's next message. None: all have been sent."""
        return self._next

    @property
    def left_over(self) -> list[ClientStep]:
        """Recorded events of the client that have not come."""
        first = self.steps_done
        return [step for index, step in enumerate(self.socket.client[first:], first) if index not in self._overtaking]

    @property
    def _next(self) -> ServerStep | None:
        return self.socket.server[self.sent] if self.sent < len(self.socket.server) else None

    def _is_due(self, step: ServerStep) -> bool:
        return self.steps_done >= step.after_steps and self._audio_ms >= self._needed_ms(step)

    def _needed_ms(self, step: ServerStep) -> float:
        """Less than was recorded by a piece, and at least half."""
        recorded_ms = step.after_audio_ms
        return recorded_ms - min(_PIECE_MS, self.socket.longest_piece_ms, recorded_ms / 2)

    def _now(self, step: ServerStep) -> Outgoing:
        """The step with the ids of the present client, and in its time."""
        if step.event is None:
            return step.what
        self._rate.take(step.event)
        event = postponed(self._ids.renamed(step.event), self._later_s)
        if event is step.event:
            return step.what
        content = write_text(event)
        return content if isinstance(step.what, bytes) else content.decode("utf-8")

    def _differences(self, expected: ClientStep, read: ReadMessage, ids: ClientIds) -> list[Difference]:
        found: list[Difference] = []
        if expected.message.event is not None and read.event is not None:
            # Also where differences are allowed: it learns the ids.
            found = differences(expected.message.event, read.event, ids=ids, ignored=self._ignored)
        elif expected.message.message != read.message:
            found = [Difference("text", f"{_size(expected.message)} were recorded, and {_size(read)} others came")]
        match self._match:
            case "strict":
                return [*found, *self._audio_difference(expected)]
            case "types":
                return self._audio_difference(expected)
            case "order":
                return []
            case _:
                assert_never(self._match)

    def _audio_difference(self, expected: ClientStep) -> list[Difference]:
        """Whether as much audio came before the end of a turn as was recorded."""
        recorded_ms = expected.turn_audio_ms
        if recorded_ms is None:
            return []
        tolerance_ms = min(_PIECE_MS, max(self._longest_piece_ms, self.socket.longest_piece_ms)) + 1
        if abs(recorded_ms - self._turn_audio_ms) <= tolerance_ms:
            return []
        words = (
            f"{recorded_ms / 1000:.2f} s was recorded before this event, and {self._turn_audio_ms / 1000:.2f} s came"
        )
        return [Difference("input audio", words)]

    def _recall_audio(self) -> None:
        words = f"input audio up to {self._audio_ms / 1000:.2f} s"
        if self._recent and self._recent[-1].startswith("input audio"):
            self._recent[-1] = words
        else:
            self._recent.append(words)

    def _fitting(self, read: ReadMessage) -> int | list[Difference]:
        """Which recorded step this message is; else what differs from the first one left, if that has its type."""
        first_found: list[Difference] = []
        for index in self._candidates():
            step = self.socket.client[index]
            if step.message.type != read.type:
                continue
            ids = self._ids.copy()
            found = self._differences(step, read, ids)
            if not found:
                self._ids = ids
                return index
            if index == self.steps_done:
                first_found = found
        return first_found

    def _candidates(self) -> Iterator[int]:
        """The first recorded step that has not come, and those behind it that may come before it."""
        skipped: list[ClientStep] = []
        for index in range(self.steps_done, min(len(self.socket.client), self.steps_done + _MAX_OVERTAKEN)):
            step = self.socket.client[index]
            if index in self._overtaking:
                continue
            if not all(are_independent(step.message.event, each.message.event) for each in skipped):
                return
            yield index
            skipped.append(step)

    def _done(self, index: int, read: ReadMessage) -> None:
        step = self.socket.client[index]
        self._recent.append(read.type)
        self._audio_ms = max(self._audio_ms, step.audio_ms)
        if step.turn_audio_ms is not None:
            self._turn_audio_ms = 0.0
        self._overtaking.add(index)
        while self.steps_done in self._overtaking:
            self._overtaking.remove(self.steps_done)
            self.steps_done += 1


def _size(message: ReadMessage) -> str:
    return f"{len(message.message)} {'bytes' if isinstance(message.message, bytes) else 'characters'}"
