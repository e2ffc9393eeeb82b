"""A Live session whose client hears and speaks over a line of its own, as over WebRTC.

The verbs are those of `MediaLine`. Live has no turns and no playback to tell of: what the session says comes at the
speed of its sound, and what is not said any more does not come.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from typing import Final

from duologue.audio.formats import PCM
from duologue.audio.pacing import Pacer
from duologue.codec import decode_live, encode_live
from duologue.errors import DecodeError
from duologue.events.base import UNSET
from duologue.events.live import (
    AnyLiveEvent,
    LiveError,
    LiveErrorEvent,
    LiveInfoEvent,
    LiveInputAudioAppendEvent,
    LiveOutputAudioDeltaEvent,
    LiveSessionStartedEvent,
)
from duologue.protocol.media.channel_rules import ChannelRules

__all__ = ["LiveMediaLine"]

_DELTA: Final = "session.output_audio.delta"
_STARTED: Final = "session.started"
_APPEND: Final = "session.input_audio.append"

_TYPE_CHARS: Final = 256
"""Where the type stands in the messages that servers and packages write."""

_TAIL_PIECES: Final = 100
"""Of silence behind speech, 10 s, as in `playout`: a jitter buffer takes a pause for a delay that lasts."""

_MAX_LATE_MS: Final = 200
"""As of `Playout`."""


class LiveMediaLine:
    """The line of one session, whose format is PCM16 of 24 kHz."""

    def __init__(self, *, new_id: Callable[[str], str]) -> None:
        """`new_id` makes an id for a kind of object."""
        self._new_id = new_id
        self._pacer = Pacer(PCM, max_late_ms=_MAX_LATE_MS)
        self._silent_pieces = _TAIL_PIECES
        self._rules: ChannelRules | None = None
        """None: the session has not started yet."""
        self._messages: list[str] = []
        self._commands: list[str] = []

    # --- what goes in

    def from_session(self, text: str, *, now: float) -> None:
        """A message of the session. Its sound becomes frames; everything else is for the client."""
        begin = text[:_TYPE_CHARS]
        is_read = _DELTA in begin or _STARTED in begin or (self._rules is not None and self._rules.hides)
        event = _read(text) if is_read else None
        if isinstance(event, LiveOutputAudioDeltaEvent) and self._play(event, now):
            return
        if self._rules is None or event is None or self._rules.may_see(event):
            self._messages.append(text)
        if isinstance(event, LiveSessionStartedEvent):
            self._rules = ChannelRules(event.session)
            if (notice := self._rules.notice) is not None:
                info = LiveInfoEvent(event_id=self._new_id("event"), code="data_channel_permissions", message=notice)
                self._messages.append(encode_live(info).decode("utf-8"))

    def _play(self, event: LiveOutputAudioDeltaEvent, now: float) -> bool:
        """False: it has no sound. It is of another server then, behind a relay."""
        try:
            audio = event.decode_audio()
        except ValueError:
            return False
        self._silent_pieces = 0 if audio.strip(b"\0") else self._silent_pieces + 1
        if self._silent_pieces <= _TAIL_PIECES:
            self._pacer.push(audio, now=now)
        return True

    def from_client(self, text: str, *, now: float) -> None:
        """A message of the client, for the session. Sound in messages is not: the line has the client's sound."""
        refuses = self._rules is not None and self._rules.refuses
        event = _read(text) if refuses or _APPEND in text[:_TYPE_CHARS] else None
        if self._rules is not None and refuses and (event is None or not self._rules.may_send(event)):
            self._tell(
                LiveError(
                    type="invalid_request_error",
                    code="event_not_allowed",
                    message="The session lets its data channel not send this event.",
                )
            )
            return
        if isinstance(event, LiveInputAudioAppendEvent):
            error = LiveError(
                type="invalid_request_error",
                code="invalid_value",
                message=f"The sound of this session is on its track: there is no '{_APPEND}'.",
            )
            self._tell(error)
            return
        self._commands.append(text)

    def heard(self, pcm: bytes, *, now: float) -> None:
        """More of the client's sound, 24 kHz mono PCM16: 20 ms, or a multiple."""
        audio = b2a_base64(pcm, newline=False).decode("ascii")
        self._commands.append(f'{{"type":"{_APPEND}","audio":"{audio}"}}')

    # --- what comes out

    @property
    def next_due_at(self) -> float:
        """When `take_frames` has the next frame; infinity while there is nothing to play."""
        return self._pacer.next_due_at

    @property
    def playing(self) -> bool:
        """Never: no session of Live waits for what is played."""
        return False

    @property
    def waiting_ms(self) -> int:
        """How much sound is still to be played."""
        return self._pacer.waiting_ms

    def take_frames(self, now: float) -> list[bytes]:
        """The frames that are due: 20 ms each, 24 kHz mono PCM16. None in silence, but for 10 s behind speech."""
        return self._pacer.take(now)

    def take_messages(self) -> list[str]:
        """For the data channel, in order."""
        taken, self._messages = self._messages, []
        return taken

    def take_commands(self) -> list[str]:
        """For the session, in order."""
        taken, self._commands = self._commands, []
        return taken

    def fitting(self, message: str, max_bytes: int) -> str:
        """The message, if the other end takes its length; otherwise an `error` that says so."""
        n_bytes = len(message.encode("utf-8", "surrogatepass"))
        if n_bytes <= max_bytes:
            return message
        said = f"An event of {n_bytes} bytes was not sent: this connection takes messages of {max_bytes} bytes at most."
        return self._text_of(LiveError(type="server_error", code="event_too_large", message=said))

    def session_text(self) -> str | None:
        """None: sidebands of Live are the session's own."""
        return None

    # --- inside

    def _tell(self, error: LiveError) -> None:
        self._messages.append(self._text_of(error))

    def _text_of(self, error: LiveError) -> str:
        event = LiveErrorEvent(event_id=self._new_id("event"), client_event_id=UNSET, error=error)
        return encode_live(event).decode("utf-8")


def _read(text: str) -> AnyLiveEvent | None:
    try:
        return decode_live(text)
    except DecodeError:
        return None
