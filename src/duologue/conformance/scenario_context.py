"""What a scenario works with: connections, decisions about rules, and speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Collection, Generator, Iterable, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

from msgspec import Struct

from duologue import catalogue
from duologue.conformance.outcomes import SHAPE_ERRORS, NotApplicable, Undecided, Violation, expect, malformed
from duologue.conformance.reports.report import Outcome, Report
from duologue.conformance.rulebook.any_session import published_types
from duologue.conformance.rulebook.live_commands import error_reference
from duologue.conformance.rulebook.rules import errors, rule_named, sequences
from duologue.conformance.wire.call_opener import CallOpener, OpenedCall
from duologue.conformance.wire.connector import ConnectOptions, Family, Medium, OpenTransport
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.speech_sample import BYTES_PER_MS, CHUNK_MS, append_of, speech
from duologue.conformance.wire.trace import Json, Trace, WireMessage
from duologue.errors import ConnectFailed
from duologue.transports import Transport

__all__ = ["ScenarioContext", "Settings", "check_alive", "update_session"]

T = TypeVar("T")

_PLAIN: Final = ConnectOptions()
_NO_TURN_DETECTION: Final[Json] = {"input": {"turn_detection": None}}
_PLAYBACK: Final = frozenset(f"output_audio_buffer.{each}" for each in ("started", "stopped", "cleared"))
"""What a server that plays the answers itself says of that."""
_ERROR_RULES: Final[Mapping[Family, str]] = {
    "realtime": "error_echo",
    "live": "live.error_reference",
    "translation": "translation.error_echo",
}
"""The rule about the command that an error names."""


class Settings(Struct, frozen=True, kw_only=True):
    """Settings of a run."""

    timeout: float = 15.0
    """Seconds that any one answer may take; a response of a large model begins within a few seconds."""
    pace: float = 1.0
    """Speed at which audio is sent, in multiples of real time; 0: as fast as the server takes it. Live is real time."""
    scenario_timeout: float = 180.0
    """Seconds after which a scenario is given up: enough for several turns of speech that each use up `timeout`."""
    has_key: bool = False
    """Whether the server is known to require a key."""
    model: str = "gpt-live-1"
    """The model that `session.start` of a Live session names."""
    backend_model: str = "gpt-5"
    """The model that does the work of a Live session's `responses` delegation."""


class ScenarioContext:
    """What one scenario works with. Decisions go into the report, messages into `traces`."""

    def __init__(
        self,
        scenario: str,
        open_transport: OpenTransport,
        settings: Settings,
        report: Report,
        *,
        family: Family = "realtime",
    ) -> None:
        self.family: Family = family
        self.settings = settings
        self.report = report
        self.traces: list[Trace] = []
        self._scenario = scenario
        self._open_transport = open_transport

    @property
    def medium(self) -> Medium:
        """What carries the sessions of this run."""
        return "webrtc" if isinstance(self._open_transport, CallOpener) else "websocket"

    @property
    def calls(self) -> CallOpener:
        """What creates the calls of this run. Raises NotApplicable over a WebSocket."""
        if not isinstance(self._open_transport, CallOpener):
            raise NotApplicable("only over WebRTC")
        return self._open_transport

    @property
    def speech_began(self) -> str:
        """The type of the event that shows that a response begins to be heard."""
        return "output_audio_buffer.started" if self.medium == "webrtc" else "response.output_audio.delta"

    def applies(self, rule_id: str) -> bool:
        """Whether a rule is about sessions over this medium."""
        return not rule_named(rule_id).skipped(self.medium)

    # --- connections

    @asynccontextmanager
    async def open(self, options: ConnectOptions = _PLAIN) -> AsyncGenerator[RawConnection, None]:
        """A connection for the length of a block. Raises Undecided if the server cannot be reached.

        Raises NotApplicable if the server rejects the beta's header.
        """
        call: OpenedCall | None = None
        try:
            if isinstance(self._open_transport, CallOpener):
                call = await self._open_transport.open(options)
            transport = call.transport if call is not None else await self._open_transport(options)
        except ConnectFailed as fault:
            if options.beta:
                raise NotApplicable("the server rejects the beta's header") from fault
            raise Undecided(f"no connection: {fault}") from fault
        ids = "conform" if options.attach is None else "sideband"
        async with self.over(transport, ids=ids, opened=call, traced=options.expects_session) as connection:
            if options.attach is not None:
                self._shares_session(connection)
            yield connection

    @asynccontextmanager
    async def over(
        self, transport: Transport, *, ids: str = "conform", opened: OpenedCall | None = None, traced: bool = True
    ) -> AsyncGenerator[RawConnection, None]:
        """A connection over this transport for the length of a block; invariants hold in it if it is `traced`."""
        timeout_s = self.settings.timeout
        reading = RawConnection.over(transport, self._scenario, timeout_s=timeout_s, ids=ids, opened=opened)
        async with reading as connection:
            if traced:
                self.traces.append(connection.trace)
            yield connection

    @asynccontextmanager
    async def join(self, connection: RawConnection) -> AsyncGenerator[RawConnection, None]:
        """A sideband to a connection's call for the length of a block. Raises Violation if the server refuses it."""
        call_id = connection.opened.call.call_id
        if call_id is None:
            raise Undecided("the server does not name the call")
        try:
            transport = await self.calls.join(call_id)
        except ConnectFailed as fault:
            raise Violation(f"the server refuses a sideband: {fault}") from fault
        async with self.over(transport, ids="sideband") as sideband:
            self._shares_session(sideband)
            yield sideband

    def _shares_session(self, sideband: RawConnection) -> None:
        sideband.trace.sideband = True
        for trace in self.traces:
            trace.shared = True

    async def refusal(self, options: ConnectOptions) -> ConnectFailed | None:
        """Why the server refuses such a connection; None if it is opened, which ends at once."""
        try:
            await (await self._open_transport(options)).close()
        except ConnectFailed as fault:
            return fault
        return None

    @asynccontextmanager
    async def session(self, **session: Any) -> AsyncGenerator[RawConnection, None]:
        """A session with these settings, after `session.created`. By default: text only, without turn detection."""
        async with self.open() as connection:
            await connection.until("session.created")
            await update_session(connection, **{"output_modalities": ["text"], "audio": _NO_TURN_DETECTION, **session})
            yield connection

    # --- decisions

    @contextmanager
    def deciding(self, *rule_ids: str) -> Generator[None, None, None]:
        """The rules pass if the block raises nothing. What it raises decides them, and the scenario goes on."""
        try:
            yield
        except Violation as fault:
            self._record(rule_ids, "failed", str(fault))
        except Undecided as fault:
            self._record(rule_ids, "inconclusive", str(fault))
        except SHAPE_ERRORS as fault:
            self._record(rule_ids, "failed", malformed(fault))
        except NotApplicable as fault:
            self._record(rule_ids, "skipped", str(fault))
        else:
            self._record(rule_ids, "passed", "")

    def record(self, rule_id: str, outcome: Outcome, seen: str = "") -> None:
        """Record the outcome of a rule."""
        self._record((rule_id,), outcome, seen)

    async def vital(self, rule_id: str, work: Awaitable[T]) -> T:
        """What the work returns. If it raises, the rule has failed and the scenario ends. Raises Violation."""
        try:
            return await work
        except Violation as fault:
            self.record(rule_id, "failed", str(fault))
            raise
        except SHAPE_ERRORS as fault:
            self.record(rule_id, "failed", malformed(fault))
            raise Violation(malformed(fault)) from fault

    def follows(self, rule_id: str, messages: Iterable[WireMessage]) -> None:
        """Decide a rule of order by these messages. Messages of unpublished types do not count."""
        rule = sequences(self.family)[rule_id]
        published = published_types(self.family, beta=rule.era == "beta")
        if rule.over != "webrtc":
            published -= _PLAYBACK  # they come between any others
        fault = rule.pattern.mismatch(each for each in messages if each.side == "C" or each.type in published)
        self.record(rule_id, "passed" if fault is None else "failed", fault or "")

    async def expect_rejection(self, rule_id: str, connection: RawConnection, event: Json) -> None:
        """Decide an error rule: the server rejects this event as the rule says, and the session goes on."""
        with self.deciding(rule_id):
            await connection.send(event)
            await self.await_rejection(rule_id, connection, instead=self._answers(str(event.get("type"))))

    async def await_rejection(self, rule_id: str, connection: RawConnection, *, instead: Collection[str] = ()) -> None:
        """Wait for the error that a rule demands, then check that the session still answers. Raises Violation.

        `instead` names the events that confirm the command.
        """
        self.check_rejection(rule_id, connection, await connection.until("error", *instead))
        await check_alive(connection, self.family)

    def check_rejection(self, rule_id: str, connection: RawConnection, error: WireMessage) -> None:
        """Raise Violation unless this is the error that a rule demands for what was sent last."""
        rule = errors(self.family)[rule_id]
        expect(error.type == "error", f"it is carried out: {error.type} came")
        echoed = error_reference(error) if self.family == "live" else error.get("error.event_id")
        with self.deciding(_ERROR_RULES[self.family]):
            expect(
                echoed in (None, connection.last_id), f"an error names {echoed}, and {connection.last_id} was rejected"
            )
        code, param, message = error.get("error.code"), error.get("error.param"), error.get("error.message")
        kind = error.get("error.type")
        expect(kind == "invalid_request_error" or (self.family == "live" and bool(kind)), f"error.type is {kind}")
        expect(not rule.codes or str(code if code is not None else "null") in rule.codes, f"error.code is {code}")
        expect(rule.param is None or param == rule.param, f"error.param is {param}")
        expect(isinstance(message, str) and bool(message), "error.message is missing")
        expect(str(message).startswith(rule.message), f"error.message does not begin with {rule.message!r}")

    def _answers(self, type: str) -> tuple[str, ...]:
        """Types of the events that confirm a client event."""
        return tuple(
            name for entry in catalogue.events_named(type) if entry.api == self.family for name in entry.answers
        )

    def _record(self, rule_ids: Iterable[str], outcome: Outcome, seen: str) -> None:
        for rule_id in filter(self.applies, rule_ids):
            self.report.record(rule_id, outcome, seen, scenario=self._scenario)

    # --- speech

    async def speak(self, connection: RawConnection, *, trailing_ms: int = 0) -> None:
        """Append the recorded sentence and then silence, at the pace of the run."""
        await self.play(connection, speech() + bytes(trailing_ms * BYTES_PER_MS))

    async def play(self, connection: RawConnection, pcm16: bytes) -> None:
        """Append this audio at the pace of the run."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, at in enumerate(range(0, len(pcm16), CHUNK_MS * BYTES_PER_MS)):
            await connection.send(append_of(pcm16[at : at + CHUNK_MS * BYTES_PER_MS]))
            if self.settings.pace:
                await asyncio.sleep(began + (number + 1) * CHUNK_MS / 1000 / self.settings.pace - loop.time())
            else:
                await asyncio.sleep(0)

    async def say(self, connection: RawConnection, *types: str, silence_ms: int = 4000) -> WireMessage:
        """Append the recorded sentence, then silence until one of these events comes. Raises Violation if none does."""
        begin = len(connection.trace.messages)
        await self.speak(connection)
        for _ in range(silence_ms // CHUNK_MS):
            if any(each.type in types for each in connection.trace.messages[begin:] if each.side == "S"):
                break
            await self.play(connection, bytes(CHUNK_MS * BYTES_PER_MS))
        # Events that came while the silence was sent count.
        connection.rewind(begin)
        return await connection.until(*types)


async def update_session(connection: RawConnection, **session: Any) -> WireMessage:
    """Update the session; returns `session.updated`. Raises Violation if the server rejects the update."""
    return await connection.answer(
        {"type": "session.update", "session": {"type": "realtime", **session}}, "session.updated"
    )


async def check_alive(connection: RawConnection, family: Family = "realtime") -> None:
    """Raise Violation unless the session still answers a command that changes nothing."""
    match family:
        case "realtime":
            kind = connection.session_type
            await connection.answer({"type": "session.update", "session": {"type": kind}}, "session.updated")
        case "live":
            await connection.answer({"type": "session.input_audio.unmute"}, "session.input_audio.unmuted")
        case "translation":
            await connection.answer({"type": "session.update", "session": {}}, "session.updated")
