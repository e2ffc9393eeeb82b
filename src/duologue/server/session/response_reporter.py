"""Reports one response to the protocol, piece by piece, no faster than the client takes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from duologue.clock import loop_clock
from duologue.engines.base import FunctionCall
from duologue.protocol import McpCall, Respond, ServerProtocol
from duologue.server.mcp.servers import McpFault, McpSession
from duologue.server.telemetry.observer import SessionObserver
from duologue.server.telemetry.tracing import in_call

__all__ = ["ResponseReporter"]


class ResponseReporter:
    """Takes a response from the engines (`duologue.server.session.response_pipeline.ResponseSink`)."""

    def __init__(
        self,
        command: Respond,
        protocol: ServerProtocol,
        observer: SessionObserver,
        flush: Callable[[], Awaitable[None]],
        mcp: McpSession,
        *,
        speech_room: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`flush` sends the protocol's events, and waits while the client is too far behind. `speech_room` waits while
        there is enough speech."""
        self._speech_room = speech_room
        self._mcp = mcp
        self._response_id = command.response_id
        self._bytes_per_s = command.encoding.bytes_per_s
        self._protocol = protocol
        self._observer = observer
        self._flush = flush
        self._time = loop_clock()

    async def text(self, piece: str, /) -> bool:
        """The next piece of text. Returns whether more is wanted."""
        more_is_wanted = self._protocol.response_text(self._response_id, piece, now=self._time())
        await self._flush()
        return more_is_wanted

    async def clause(self, clause: str, /) -> None:
        """The text that the next audio speaks."""
        self._protocol.response_clause(self._response_id, clause)

    async def audio(self, audio: bytes, /) -> None:
        """The next piece of speech, in the response's encoding."""
        self._protocol.response_audio(self._response_id, audio, now=self._time())
        self._observer.spoke(len(audio) / self._bytes_per_s)
        await self._flush()
        if self._speech_room is not None:
            await self._speech_room()

    async def call(self, call: FunctionCall, /) -> None:
        """The model calls a function; all text and audio before it has been reported. A tool of an MCP server is called
        here, and the rest of the response waits."""
        ours = self._protocol.response_call(self._response_id, call.name, call.arguments, now=self._time())
        await self._flush()
        await self._make(ours)

    async def approved(self, request_id: str, /) -> None:
        """Make the MCP call that the user has approved with this request."""
        ours = self._protocol.response_approved(self._response_id, request_id, now=self._time())
        await self._flush()
        await self._make(ours)

    async def _make(self, call: McpCall | None) -> None:
        if call is None:
            return
        try:
            with self._observer.engine_call("mcp") as span, in_call(span):
                output = await self._mcp.call(call)
        except McpFault as fault:
            self._protocol.mcp_call_failed(call, fault.error, now=self._time())
        else:
            self._protocol.mcp_called(call, output, now=self._time())
        await self._flush()
