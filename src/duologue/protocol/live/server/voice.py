"""What the voice says, and when: answers to the user, those of the Responses model, and commentaries.

One reply is generated at a time; its speech may wait behind that of the reply before. When the user talks over it the
voice falls silent, and the history keeps the words that were heard.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from duologue.audio.formats import Encoding
from duologue.events import is_set
from duologue.events.live import (
    LiveClientDelegation,
    LiveDelegation,
    LiveFunctionCall,
    LiveFunctionTool,
    LiveOutputTranscriptDeltaEvent,
    LiveResponsesBackend,
    LiveResponsesDelegation,
    LiveSession,
)
from duologue.protocol.live.server.commands import DELEGATE, LiveReply, StopReply
from duologue.protocol.live.server.config import encoding_of, voice_of
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.delegation.backend import Backend
from duologue.protocol.live.server.delegation.client import OPEN_DELEGATION, ClientDelegations
from duologue.protocol.live.server.delegation_settings import delegation_of, function_choice, functions_of
from duologue.protocol.live.server.errors import error_event
from duologue.protocol.live.server.history import History
from duologue.protocol.live.server.outgoing import LiveOutbox
from duologue.protocol.live.server.reply import Reply, ReplyKind
from duologue.protocol.live.server.sound.mixer import OutputMixer
from duologue.protocol.live.server.sound.transcripts import OutputTranscript, TranscriptCell

__all__ = ["Voice"]

_RESPONSES_DEFAULT: Final = LiveResponsesBackend()

_MAX_SOUNDING: Final = 8
"""Replies whose speech waits to be heard. It is heard as input comes, and a client need not send any."""


class Voice:
    """The voice of one session."""

    def __init__(
        self,
        out: LiveOutbox,
        history: History,
        mixer: OutputMixer,
        backend: Backend,
        delegations: ClientDelegations,
        limits: LiveDefaults,
        session: LiveSession,
    ) -> None:
        self.session = session
        """As the last update left it."""
        self._out = out
        self._history = history
        self._mixer = mixer
        self._backend = backend
        self._delegations = delegations
        self._limits = limits
        self._encoding: Encoding = encoding_of(session)
        self._transcript = OutputTranscript()
        self._commentaries: deque[str] = deque()
        self._owes_reply = False
        """Whether the user has said something that no reply has read."""
        self._current: Reply | None = None
        """The reply that is being generated."""
        self._sounding: dict[str, Reply] = {}
        """Replies whose speech has not been heard to its end."""
        self._turn = 0

    @property
    def is_done(self) -> bool:
        """Whether nothing is being generated or heard, and nothing is left to be said."""
        return self._current is None and not self._mixer.has_voice and not self._commentaries

    @property
    def commentaries(self) -> int:
        """How many commentaries wait to be spoken."""
        return len(self._commentaries)

    # --- what there is to say

    def user_spoke(self, text: str) -> None:
        """The user said this; it is to be answered."""
        self._history.add("user", text)
        self._owes_reply = True

    def comment(self, text: str) -> None:
        """Say this in the next pause."""
        self._commentaries.append(text)

    def go_on(self, *, position_ms: int, user_speaks: bool, is_told: bool, closing: bool) -> None:
        """Begin the next reply, if there is one and its time has come.

        `is_told`: all that the user said is transcribed. While the session is closing, new speech is not answered.
        """
        if self._current is not None or self._mixer.plays_clip or user_speaks or len(self._sounding) >= _MAX_SOUNDING:
            return
        if self._backend.is_asked:
            returned = self._backend.begin_asked(self._responses, offset_ms=position_ms)
            self._begin("backend", returned=returned)
        elif self._owes_reply and is_told and not self._backend.is_pending and not closing:
            self._owes_reply = False
            self._begin("voice")
        elif self._commentaries and is_told and not self._mixer.has_voice:
            self._begin("commentary", commentary=self._commentaries.popleft())

    def interrupt(self) -> None:
        """The user talks over the voice, or a clip is played: fall silent at once."""
        for played in self._mixer.cut():
            reply = self._sounding.pop(played.reply_id, None)
            if reply is None:
                continue
            words = reply.spoken.words_until(played.played_bytes)
            reply.is_cut = True
            if reply.entry is not None:
                self._history.set_text(reply.entry, words)
            if not words and reply.commentary is not None:
                self._commentaries.appendleft(reply.commentary)
            elif not words and reply.kind == "voice" and not reply.is_response:
                self._owes_reply = True  # what the user said is still to be answered
        self._transcript.cut()
        if self._current is not None and not self._current.is_response:
            self._out.command(StopReply(self._current.reply_id))
            self._current = None

    # --- what the engines report

    def text(self, reply_id: str, piece: str) -> None:
        """The next piece of the text."""
        reply = self._reply(reply_id)
        if reply is None or not piece:
            return
        if len(reply.text) + len(piece) > self._limits.max_reply_chars:
            self._refuse(reply, f"the reply has more than {self._limits.max_reply_chars} characters")
            return
        reply.spoken.add_text(piece)
        if reply.is_response:
            self._backend.text(piece)
        if not reply.is_cut:
            self._write(reply)

    def clause(self, reply_id: str, clause: str) -> None:
        """The audio that follows speaks this part of the text."""
        reply = self._reply(reply_id)
        if reply is not None and not reply.is_cut:
            self._fit(reply)
            reply.spoken.begin_clause(clause)
            self._place(first=not reply.is_placed, text=reply.place_clause(clause))

    def audio(self, reply_id: str, audio: bytes) -> None:
        """The next piece of the speech."""
        reply = self._reply(reply_id)
        if reply is None or reply.is_cut or not audio:
            return
        if len(audio) % self._encoding.bytes_per_sample:
            self._refuse(reply, "the speech has half a sample")
            return
        if self._mixer.voice_ahead_ms + self._encoding.duration_ms(len(audio)) > self._limits.max_voice_ahead_ms:
            self._refuse(reply, f"more than {self._limits.max_voice_ahead_ms} ms of speech wait to be heard")
            return
        if not reply.is_placed:
            self._place(first=True, text=reply.place_rest())
        reply.spoken.add_audio(len(audio))
        self._mixer.add(reply_id, audio)

    def call(self, reply_id: str, name: str, arguments: str, *, offset_ms: int) -> None:
        """The responder calls a function."""
        reply = self._reply(reply_id)
        if reply is None:
            return
        if isinstance(self._delegation, LiveClientDelegation) and name == DELEGATE.name:
            self._delegations.create(offset_ms)
        elif name in {function.name for function in functions_of(self._delegation)}:
            if not reply.is_response:
                reply.is_response = True
                self._backend.begin(self._responses, offset_ms=offset_ms)
            call = LiveFunctionCall(call_id=self._out.new_id("call"), name=name, arguments=arguments)
            reply.entry = reply.entry or self._history.add("assistant", "")
            self._history.add_call(reply.entry, call)
            self._backend.call(call)
        else:
            self._report("the responder called a function that the session does not have")

    def finished(self, reply_id: str) -> None:
        """Text, speech and calls are complete."""
        reply = self._reply(reply_id)
        if reply is not None:
            self._end(reply)
            if reply.is_response:
                self._backend.finished()

    def failed(self, reply_id: str, fault: str) -> None:
        """An engine failed; what was said before is heard."""
        reply = self._reply(reply_id)
        if reply is not None:
            self._end(reply)
            self._report(fault)
            if reply.is_response:
                self._backend.failed(fault)

    def _refuse(self, reply: Reply, fault: str) -> None:
        """What an engine makes is not taken: it would go on with it, beside the next reply."""
        self.failed(reply.reply_id, fault)
        self._out.command(StopReply(reply.reply_id))

    # --- time

    def played(self, reply_id: str) -> None:
        """The speech of a reply has been heard to its end."""
        self._sounding.pop(reply_id, None)

    def send_transcript(self, position_ms: int) -> None:
        """Send the words whose time has come."""
        self._send_cells(self._transcript.due(position_ms))

    def _send_cells(self, cells: list[TranscriptCell]) -> None:
        for delta in cells:
            self._out.send(
                LiveOutputTranscriptDeltaEvent(
                    event_id=self._out.event_id(), delta=delta.delta, start_ms=delta.start_ms, end_ms=delta.end_ms
                )
            )

    def release(self) -> None:
        """The session is over."""
        if self._current is not None:
            self._out.command(StopReply(self._current.reply_id))
            self._current = None
        if not self._mixer.has_voice:
            self._send_cells(self._transcript.rest())
        for played in self._mixer.cut():
            reply = self._sounding.pop(played.reply_id, None)
            if reply is not None and reply.entry is not None:
                self._history.set_text(reply.entry, reply.spoken.words_until(played.played_bytes))
        self._transcript.cut()
        self._commentaries.clear()

    # --- one reply

    @property
    def _delegation(self) -> LiveDelegation:
        return delegation_of(self.session.delegation)

    @property
    def _responses(self) -> LiveResponsesBackend:
        delegation = self._delegation
        if isinstance(delegation, LiveResponsesDelegation) and is_set(delegation.responses):
            return delegation.responses
        return _RESPONSES_DEFAULT

    @property
    def _backend_model(self) -> str | None:
        return self._responses.model if is_set(self._responses.model) else None

    def _reply(self, reply_id: str) -> Reply | None:
        """The reply of this id, if it is being generated; a report about another one is stale."""
        current = self._current
        return current if current is not None and current.reply_id == reply_id else None

    def _begin(self, kind: ReplyKind, *, commentary: str | None = None, returned: frozenset[str] = frozenset()) -> None:
        reply = Reply(self._out.new_id("reply"), kind, self._encoding, commentary=commentary)
        self._current = self._sounding[reply.reply_id] = reply
        self._mixer.begin(reply.reply_id)
        choice = function_choice(self._delegation)
        budget = self._responses.max_output_tokens
        self._out.command(
            LiveReply(
                reply_id=reply.reply_id,
                messages=self._history.messages() if commentary is None else (),
                instructions=self._instructions(),
                model=self.session.model if is_set(self.session.model) else "",
                backend_model=self._backend_model,
                voice=voice_of(self.session),
                encoding=self._encoding,
                functions=self._functions() if commentary is None else (),
                # A model that must call a function would never say what it has found out.
                function_choice=choice if choice == "none" or not returned else "auto",
                max_output_tokens=budget if is_set(budget) else None,
                turn=self._turn,
                text=commentary,
                returned=returned,
            )
        )
        self._turn += 1

    def _instructions(self) -> str:
        own = self.session.instructions if is_set(self.session.instructions) else ""
        backend = self._responses.instructions if is_set(self._responses.instructions) else ""
        parts = [own or self._limits.instructions, backend, *self._history.rules]
        if self._delegations.is_open:
            parts.append(OPEN_DELEGATION)
        return "\n\n".join(part for part in parts if part)

    def _functions(self) -> tuple[LiveFunctionTool, ...]:
        return (DELEGATE,) if isinstance(self._delegation, LiveClientDelegation) else functions_of(self._delegation)

    def _write(self, reply: Reply) -> None:
        """The history has all that a reply says, until it is cut."""
        if reply.entry is None:
            reply.entry = self._history.add("assistant", reply.text)
        else:
            self._history.set_text(reply.entry, reply.text)

    def _place(self, *, first: bool, text: str) -> None:
        sound_ms, position_ms = self._mixer.sound_ms(), self._mixer.position_ms
        self._transcript.add(self._transcript.begin(text) if first else text, sound_ms, position_ms)

    def _fit(self, reply: Reply) -> None:
        """The sound of the last clause is complete."""
        self._transcript.fit(self._encoding.duration_ms(reply.clause_bytes()))

    def _end(self, reply: Reply) -> None:
        if not reply.is_cut:
            self._fit(reply)
            # What has no sound, such as a lonely punctuation mark, has its place behind the rest.
            self._place(first=not reply.is_placed, text=reply.place_rest())
            self._transcript.fit(0)
        reply.spoken.ended = True
        self._mixer.end(reply.reply_id)
        self._current = None

    def _report(self, fault: str) -> None:
        self._out.send(error_event(self._out.event_id(), type="server_error", code="engine_failed", message=fault))
