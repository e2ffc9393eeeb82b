"""A call as the transport of a session: events on the data channel and on sidebands, sound on the track.

    run                      the call's tasks; ends with the call
    send · receive · close   the session's side, as of any transport
    attach                   one more connection to the session

The session is one that knows nothing of calls: its speech becomes sound, and the caller's sound becomes
`input_audio_buffer.append`. What happens in between is decided by the line (`duologue.protocol.media.line`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from typing import Final, Protocol

from duologue.clock import loop_time
from duologue.codec import encode_append
from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.printable import printable
from duologue.protocol.media.line import MediaLine
from duologue.protocol.server.account import Charge
from duologue.protocol.states import IllegalTransition, report_once
from duologue.transports.base import Transport
from duologue.transports.webrtc.attached_sideband import AttachedSideband, CallEnd
from duologue.transports.webrtc.outbox import Outbox
from duologue.transports.webrtc.peer import FRAME_BYTES, FRAME_MS, MessageTooLong, Peer

__all__ = ["CallLine", "CallTransport"]

_MAX_INCOMING: Final = 256
"""Messages that wait for the session: five seconds of sound. While it is further behind, nothing more is taken."""

_MAX_INCOMING_BYTES: Final = 1024 * 1024
"""Of them, so that a flood of the longest messages is no flood of memory. One more may come for each line."""

_CHANNEL_BYTES: Final = 256 * 1024
"""That wait behind those in the data channel itself, before the session waits: one of the largest messages."""

_SIDEBAND_BYTES: Final = 4 * 1024 * 1024
"""That may wait for a sideband: a burst of the largest messages, such as items that are retrieved one after another."""

_SPEECH_AHEAD_MS: Final = 120_000
"""That engines may be ahead of what is played: 6 MB, longer than most answers."""

_MAX_SPEECH_MS: Final = 600_000
"""That may wait to be played, 29 MB. The session waits then, also with the user's speech: answers are shorter."""

_BYTES_PER_MS: Final = FRAME_BYTES // FRAME_MS

_CLOSE_S: Final = 5.0
"""The longest that `Transport.close` may take."""

_FLUSH_S: Final = 2.0
"""Of it for the last events: a peer that takes them at all takes them within a round trip."""

_GOING_AWAY: Final = CallEnd(1001, "the server is going away")
_OVER: Final = CallEnd(1000, "the call is over")
_BROKEN: Final = CallEnd(1011, "internal error")

_NEVER_SENT: Final = frozenset({1005, 1006})
"""Codes that say that there was no close frame, so that none may have them."""

_logger = logging.getLogger(__name__)


class CallLine(Protocol):
    """What decides between a session and a call; `MediaLine` for Realtime sessions."""

    @property
    def next_due_at(self) -> float:
        """When `take_frames` has the next frame, infinity for never."""
        ...

    @property
    def playing(self) -> bool:
        """Whether speech is played, or waits for it."""
        ...

    @property
    def waiting_ms(self) -> int:
        """How much speech is still to be played."""
        ...

    def from_session(self, text: str, /, *, now: float) -> None:
        """A message of the session."""
        ...

    def from_client(self, text: str, /, *, now: float) -> None:
        """A message of the data channel, or of a sideband."""
        ...

    def heard(self, pcm: bytes, /, *, now: float) -> None:
        """More of the caller's sound: 20 ms, or a multiple."""
        ...

    def take_frames(self, now: float, /) -> list[bytes]:
        """The frames that are due."""
        ...

    def take_messages(self) -> list[str]:
        """Messages for the data channel and the sidebands."""
        ...

    def fitting(self, message: str, max_bytes: int, /) -> str:
        """What is sent for a message on a data channel whose other end takes so much at once."""
        ...

    def take_commands(self) -> Sequence[str | bytes]:
        """Messages for the session; bytes are sound, in its input format."""
        ...

    def session_text(self) -> str | None:
        """The first message of a sideband."""
        ...


class CallTransport:
    """One call. Let `run` go on beside the session, when the peer has answered:

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(call.run())
            await session.run()
            await call.close()  # nothing, where the session has closed it

    The call ends when the session closes it or the peer is gone, whichever is first.
    """

    def __init__(
        self,
        peer: Peer,
        *,
        call_id: str,
        new_id: Callable[[str], str],
        line: CallLine | None = None,
        stall_s: float = 5.0,
        charge: Charge | None = None,
    ) -> None:
        """A sideband that takes nothing for `stall_s` is cut. `line` is for sessions of other kinds than Realtime.
        `charge` counts the speech that waits to be played."""
        self.call_id = call_id
        self.is_connected: bool = False
        """Whether a message has passed between the peers. Sound says nothing: stacks make silence of none."""
        self.on_playback: Callable[[bool], None] | None = None
        """Called when playback begins and when it ends, as `ServerSession.playback_changed`; until the call is over."""
        self._peer = peer
        self._line = line or MediaLine(new_id=new_id, report_illegal=report_once(_log_illegal))
        self._stall_s = stall_s
        self._incoming: deque[str | bytes] = deque()
        self._incoming_bytes = 0
        self._came = asyncio.Event()
        self._take_sound: Callable[[bytes], bool] | None = None
        self._receives = False
        """Whether `receive` waits."""
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._outbox = Outbox(_CHANNEL_BYTES)
        self._sidebands: set[AttachedSideband] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = inf
        self._playing = False
        self._charge = charge
        self._held_bytes = 0
        self._played = asyncio.Event()
        self._end: CallEnd | None = None
        self._writing: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    @property
    def n_sidebands(self) -> int:
        """Sidebands that are open."""
        return len(self._sidebands)

    # --- the call

    async def run(self) -> None:
        """Carry sound and events until the call is over. Cancelling ends it at once, for the session with code 1001.

        Raises:
            ExceptionGroup: a fault of the peer or of this library, which ends the call with code 1011.
        """
        if self._end is not None:
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                self._writing = tasks.create_task(self._write())
                working = (self._writing, tasks.create_task(self._read()), tasks.create_task(self._hear()))
                await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                for task in working:
                    task.cancel()
        except asyncio.CancelledError:
            self._over(_GOING_AWAY)
            raise
        except BaseExceptionGroup:
            self._over(_BROKEN)
            raise
        finally:
            await self._shut()

    async def attach(self, sideband: Transport) -> None:
        """Serve a sideband until it or the call ends. It begins with `session.created`, and gets no speech.

        Its end leaves the call as it is; so does cancelling, which closes the sideband with code 1001.
        """
        if self._end is not None:
            await sideband.close(*_OVER)
            return
        served = AttachedSideband(sideband, self._take, max_waiting_bytes=_SIDEBAND_BYTES, stall_s=self._stall_s)
        if (text := self._line.session_text()) is not None:
            served.put(text)
        self._sidebands.add(served)
        try:
            await served.run()
        finally:
            self._sidebands.discard(served)

    # --- the session's side

    async def offer(self, take: Callable[[bytes], bool]) -> None:
        """Have the caller's sound, in the session's input format, given to this method while `receive` waits; what it
        does not take (False) comes as a message. Until the call is over."""
        self._take_sound = take

    async def send(self, message: str | bytes, /) -> None:
        """A message of the session; waits while the peer is slow, or while ten minutes of speech are to be played.

        Raises:
            ConnectionClosed: the call is over.
            ValueError: a binary message, of which sessions send none.
        """
        self._check()
        if isinstance(message, bytes):
            raise ValueError("a call carries text messages")
        now = loop_time()
        self._line.from_session(message, now=now)
        if self._line.next_due_at <= now:
            self._play()  # now, so that its beginning is told before what the session sends next
        else:
            self._carry_out()
        if self._outbox.is_full:
            await self._outbox.room()
        await self._speech_below(_MAX_SPEECH_MS)

    async def speech_room(self) -> None:
        """Wait while two minutes of speech are to be played. Only the engine that calls this waits."""
        await self._speech_below(_SPEECH_AHEAD_MS)

    async def receive(self) -> str | bytes:
        """The next message of the peer or of a sideband, or one that the line has made. Raises ConnectionClosed."""
        while not self._incoming:
            self._check()
            self._came.clear()
            self._receives = True
            try:
                await self._came.wait()
            finally:
                self._receives = False
        message = self._incoming.popleft()
        self._incoming_bytes -= len(message)
        if len(self._incoming) < _MAX_INCOMING and self._incoming_bytes < _MAX_INCOMING_BYTES:
            self._has_room.set()
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the call, behind the events that were sent. Sidebands see the code; a peer sees its channel closed."""
        self._over(CallEnd(code, reason))
        self._outbox.finish()
        if self._writing is None:
            if not self._ended.is_set():
                await self._shut()
            return
        cut_off = asyncio.get_running_loop().call_later(_FLUSH_S, self._writing.cancel)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._ended.wait()
        finally:
            cut_off.cancel()

    def end_unconnected(self, code: int, reason: str = "") -> None:
        """End the call now, if the peer has not connected: the last events have no way to it."""
        if not self.is_connected and self._writing is not None:
            self._over(CallEnd(code, reason))
            self._writing.cancel()

    # --- inside

    def _over(self, end: CallEnd) -> None:
        """The call ends; the first reason counts."""
        if self._end is None:
            self._end = end

    def _check(self) -> None:
        if self._end is not None:
            raise (ConnectionClosedOK if self._end.code in (1000, 1001) else ConnectionClosedError)(*self._end)

    async def _speech_below(self, ms: int) -> None:
        while self._line.waiting_ms > ms and self._end is None:
            self._played.clear()
            await self._played.wait()

    async def _read(self) -> None:
        try:
            while True:
                message = await self._peer.receive()
                self.is_connected = True
                await self._take(message)
        except ConnectionClosed as closed:
            self._over(CallEnd(closed.code, closed.reason))

    async def _hear(self) -> None:
        try:
            while True:
                self._line.heard(await self._peer.hear(), now=loop_time())
                self._carry_out()
                await self._has_room.wait()
        except ConnectionClosed as closed:
            self._over(CallEnd(closed.code, closed.reason))

    async def _write(self) -> None:
        try:
            while (message := await self._outbox.get()) is not None:
                await self._send_to_peer(self._line.fitting(message, self._peer.max_message_bytes))
                self.is_connected = True
        except ConnectionClosed as closed:
            self._over(CallEnd(closed.code, closed.reason))

    async def _send_to_peer(self, message: str) -> None:
        try:
            await self._peer.send(message)
        except MessageTooLong as fault:
            # Even the error that says so: the peer's limit is smaller than any event.
            _logger.warning("%s", printable(str(fault)))

    async def _take(self, message: str | bytes) -> None:
        """A message of the data channel or of a sideband."""
        await self._has_room.wait()
        if self._end is not None:
            return
        if isinstance(message, str):
            self._line.from_client(message, now=loop_time())
        else:
            self._put_incoming(message)  # the session says what is wrong with it
        self._carry_out()

    def _play(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due_at = None, inf
        for frame in self._line.take_frames(loop_time()):
            self._peer.play(frame)
        self._played.set()
        self._carry_out()

    def _play_in_time(self) -> None:
        try:
            self._play()
        except Exception as fault:  # a timer has none that it could tell
            _logger.error("playback broke: %s", printable(str(fault)), exc_info=fault)
            self._over(_BROKEN)
            if self._writing is not None:
                self._writing.cancel()

    def _carry_out(self) -> None:
        """Do what the line wants."""
        if (due_at := self._line.next_due_at) != self._due_at:
            self._schedule(due_at)
        for message in self._line.take_messages():
            self._outbox.put(message)
            for sideband in self._sidebands:
                sideband.put(message)
        for command in self._line.take_commands():
            if isinstance(command, str):
                self._put_incoming(command)
            elif not self._taken_at_once(command):
                self._put_incoming(encode_append(command).decode("ascii"))
        if self._charge is not None and (held := self._line.waiting_ms * _BYTES_PER_MS) != self._held_bytes:
            self._charge("backlog", held - self._held_bytes, True)
            self._held_bytes = held
        if self._line.playing is not self._playing:
            self._playing = self._line.playing
            if self.on_playback is not None:
                self.on_playback(self._playing)

    def _taken_at_once(self, sound: bytes) -> bool:
        """Whether the session has taken it, without a message: a third of the time."""
        take = self._take_sound
        return take is not None and self._receives and not self._incoming and take(sound)

    def _put_incoming(self, message: str | bytes) -> None:
        self._incoming.append(message)
        self._incoming_bytes += len(message)
        self._came.set()
        if len(self._incoming) >= _MAX_INCOMING or self._incoming_bytes >= _MAX_INCOMING_BYTES:
            self._has_room.clear()

    def _schedule(self, due_at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due_at = None, due_at
        if due_at < inf and not self._ended.is_set():
            self._timer = asyncio.get_running_loop().call_at(due_at, self._play_in_time)

    async def _shut(self) -> None:
        self._over(_OVER)
        end = self._end or _OVER
        if self._timer is not None:
            self._timer.cancel()
        self._outbox.close()
        for event in (self._came, self._has_room, self._played):
            event.set()
        self.on_playback = self._take_sound = None  # the session refers to this transport
        for sideband in self._sidebands:
            sideband.finish(_OVER if end.code in _NEVER_SENT else end)
        try:
            await self._peer.close()
        finally:
            self._ended.set()
            self._writing = None  # its frames, which it keeps if it was cancelled, refer to this transport


def _log_illegal(illegal: IllegalTransition) -> None:
    _logger.error("%s", printable(str(illegal)))
