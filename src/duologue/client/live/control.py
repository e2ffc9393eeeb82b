"""What can be done with a Live session from any of its connections: the primary one, a fork's, or a sideband."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, TypeVar

from duologue.audio.formats import PCM, Encoding
from duologue.audio.input_stream import AudioInput, InputStream
from duologue.audio.wav import Sound
from duologue.client.live.config import LiveEventInput, LiveUpdateInput, to_live_event, to_live_update
from duologue.client.live.delegation import Delegation
from duologue.client.live.playback import LivePlayback
from duologue.client.live.shell import LiveShell
from duologue.client.messages import check_audio
from duologue.client.sound.loudspeaker import PullSink
from duologue.client.sound.playback import AnySink
from duologue.client.sound.sinks import sink_of
from duologue.dialects import LIVE_PROFILES
from duologue.errors import (
    LocalProtocolError,
)
from duologue.events.live import (
    LiveClientEvent,
    LiveInputAudioMuteEvent,
    LiveInputAudioUnmuteEvent,
    LiveResponseCreateEvent,
    LiveResponseItemCreateEvent,
    LiveResponsesDelegation,
    LiveServerEvent,
    LiveSessionUpdateEvent,
    UnknownLiveEvent,
)
from duologue.protocol.live.client.core import Append
from duologue.protocol.live.client.notices import (
    DelegationStarted,
    FixtureEnded,
)

__all__ = ["APPEND_WORDS", "LiveControl"]

_logger = logging.getLogger("duologue.client")

T = TypeVar("T")

APPEND_WORDS: Final = "append_instructions, append_thinking or append_commentary"
"""How a program tells the voice model something in words."""

_MANY_CHARACTERS: Final = 2000
"""Of an append: what has more may have more than the 500 tokens that servers take, which only they can count."""


class LiveControl(LiveShell):
    """The common part of `Live` and `LiveSideband`. Any number of tasks may use it.

    A method that sends waits first while the server is slow: cancelled then, it has sent nothing. `asyncio.timeout`
    bounds that wait. After the end of the session each raises `SessionLost`, or ConnectionClosedOK if it ended as
    agreed.
    """

    _has_warned = False
    """Of a long append."""

    sync_delegation: Callable[[DelegationStarted], object] | None = None
    """Makes what `on_delegation` gets if it is no coroutine function; None: a `Delegation` too."""

    def _delegation(self, notice: DelegationStarted) -> object:
        if self.sync_delegation is not None and not self._work.is_async:
            return self.sync_delegation(notice)
        return Delegation(notice, self)

    def _forget(self) -> None:
        super()._forget()
        self.sync_delegation = None

    # --- what the voice model knows

    async def append_instructions(self, text: str) -> str:
        """Add a rule that stays. Returns the command's id, for `answered`.

        Raises:
            LocalProtocolError: a clip is being played.
            SessionLost, ConnectionClosed: the session is over.
        """
        return await self._append("instructions", text, None)

    async def append_thinking(self, text: str, *, delegation_id: str | None = None) -> str:
        """Add what the model should know and not say. Returns the command's id. Raises as `append_commentary` does."""
        return await self._append("thinking", text, delegation_id)

    async def append_commentary(self, text: str, *, delegation_id: str | None = None) -> str:
        """Add what the model may say, in its own words. Returns the command's id, for `answered`.

        With a `delegation_id` it answers that delegation. Servers take 500 tokens: for a text of more than 2,000
        characters the log warns, once.

        Raises:
            LocalProtocolError: a clip is being played, or the Responses model answers this delegation.
            SessionLost, ConnectionClosed: the session is over.
        """
        return await self._append("commentary", text, delegation_id)

    async def _append(self, kind: Append, text: str, delegation_id: str | None) -> str:
        if not isinstance(text, str):
            raise TypeError(f"what is appended is a str, not {type(text).__name__}")
        if len(text) > _MANY_CHARACTERS and not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "an append of %d characters may have more than the 500 tokens that servers take; shorten or split it",
                len(text),
            )
        await self.drain()
        return self._act(lambda: self.core.append(kind, text, delegation_id=delegation_id, now=self._now()))

    # --- commands

    async def send(self, event: LiveEventInput) -> str:
        """Send any command, or a mapping of one. Returns its id, for `answered`.

        Raises:
            LocalProtocolError: a method of its own sends it, or only servers do.
            TypeError: this is neither an event of Live nor a mapping.
            SessionLost, ConnectionClosed: the session is over.
        """
        checked = to_live_event(event)
        if not isinstance(checked, LiveClientEvent | UnknownLiveEvent):
            raise LocalProtocolError(f"cannot send {checked.type}: only servers send it")
        await self.drain()
        return self._act(lambda: self.core.send(checked, now=self._now()))

    async def answered(self, command_id: str, *, timeout: float | None = None) -> LiveServerEvent:
        """Wait for the answer to a command that was sent, and return it.

        An append is answered when the session's time has come to its place: a second later while audio is sent, and
        never without. Cancelling takes nothing back.

        Raises:
            RequestRejected: the server refused it, or has not answered within `LiveOptions.answer_within_s` or before
                the session ended.
            LocalProtocolError: nothing answers this command, or its answer came long ago.
            TimeoutError: there was no answer within `timeout` seconds.
        """
        if not self.core.awaits_answer(command_id) and not self._outcomes.knows(command_id):
            raise LocalProtocolError(f"no answer comes to {command_id}: such a command has none, or it came long ago")
        async with asyncio.timeout(timeout):
            return await self._outcomes.wait(command_id)

    async def update_session(self, update: LiveUpdateInput, *, timeout: float | None = None) -> None:
        """Change settings of the delegation, or the triggers, and wait for the answer. Send `delegation` in full:
        servers differ in what an absent setting means. Cancelling takes nothing back.

        Raises:
            RequestRejected: the server refused it, and nothing has changed; or the session ended before its answer.
            LocalProtocolError: a setting has a value that it does not allow.
            TypeError: this is no change of a session.
            TimeoutError: there was no answer within `timeout` seconds.
            SessionLost, ConnectionClosed: the session is over.
        """
        event = LiveSessionUpdateEvent(session=to_live_update(update))
        async with asyncio.timeout(timeout):
            await self.answered(await self.send(event))

    async def mute(self, *, timeout: float | None = None) -> None:
        """Have the model hear silence, and wait for the answer. Go on sending audio. Raises as `update_session`."""
        async with asyncio.timeout(timeout):
            await self.answered(await self.send(LiveInputAudioMuteEvent()))

    async def unmute(self, *, timeout: float | None = None) -> None:
        """Have the model hear the user again, and wait for the answer. Raises as `update_session` does."""
        async with asyncio.timeout(timeout):
            await self.answered(await self.send(LiveInputAudioUnmuteEvent()))

    async def play_fixture(self, clip: AudioInput, *, rate_hz: int | None = None, timeout: float | None = None) -> bool:
        """Have the server play a clip in place of the model, and wait for its end. False if it was not played to it.

        Bytes are mono PCM16 at 24 kHz, in every session; what has another rate is converted. At most 30 s, and one
        clip at a time; what the user says meanwhile is dropped. Tell the model afterwards what was said, with
        `append_instructions`. Cancelling the wait leaves the clip playing.

        Raises:
            LocalProtocolError: it is too long or empty, or another one is being played.
            RequestRejected: the server refused it.
            MissingExtra: converting it needs the `audio` extra.
            TimeoutError: it was not over within `timeout` seconds; it goes on.
            SessionLost, ConnectionClosed: the session is over.
        """
        pcm16 = _as_clip(clip, rate_hz=rate_hz)
        async with asyncio.timeout(timeout), self.stream(FixtureEnded) as ends:
            await self.drain()
            command_id = self._act(lambda: self.core.play_fixture(pcm16, now=self._now()))
            await self.answered(command_id)
            while (ended := await ends.receive()).command_id != command_id:
                pass  # the end of the clip before
            return ended.played

    async def create_response(self, text: str | None = None, *, items: Iterable[Mapping[str, Any]] = ()) -> None:
        """Have the Responses model answer: `text` as the user's, and input items of the Responses API, come first.

        For a session whose delegation has the type `responses`. The voice says the answer; its events come as
        `ResponsesEvent`.

        Raises:
            LocalProtocolError: no Responses model belongs to this session.
            SessionLost, ConnectionClosed: the session is over.
        """
        delegation = self.session.delegation if self.session is not None else None
        if not isinstance(delegation, LiveResponsesDelegation):
            raise LocalProtocolError(
                "cannot ask for a response: the session delegates to no Responses model; start it with"
                ' delegation={"type": "responses", "responses": {"model": …}}'
            )
        added = [dict(item) for item in items]
        if text is not None:
            part = {"type": "input_text", "text": text}
            added.append({"type": "message", "role": "user", "content": [part]})
        for item in added:
            await self.send(LiveResponseItemCreateEvent(item=item))
        await self.send(LiveResponseCreateEvent())

    async def answer_function(self, call_id: str, output: str) -> None:
        """Answer a call of a function that is not among `tools`. When all calls have their outputs, the model goes on.

        Raises:
            SessionLost, ConnectionClosed: the session is over.
        """
        await self.drain()
        self._function_answered(call_id, output)

    # --- sound

    def play(self, sink: AnySink, *, encoding: Encoding | None = None) -> LivePlayback:
        """Play the model's sound on a sink: `async with live.play(Loudspeaker()):`, see `LivePlayback`.

        `encoding` is that of a sink which is a function or has a method `write`; without it, that is the session's.
        """
        known = sink if isinstance(sink, PullSink) else sink_of(sink, encoding=encoding)
        return LivePlayback(self, known, drops_output=self.drops_output)

    @property
    def drops_output(self) -> Collection[str]:
        """The vendor's own events after which sound that waits to be played is not to be."""
        return LIVE_PROFILES[self._target.dialect].drops_output


def _as_clip(clip: AudioInput, *, rate_hz: int | None) -> bytes:
    """A clip as mono PCM16 at 24 kHz."""
    check_audio(clip, verb="play_fixture", words=APPEND_WORDS)
    stream = InputStream()
    if isinstance(clip, Sound):
        return stream.push(clip.pcm16, PCM, rate_hz=clip.rate_hz) + stream.flush()
    return stream.push(clip, PCM, rate_hz=rate_hz) + stream.flush()
