"""The server's side of one Live session.

The clients' messages and the engines' reports go in; events for the connections and commands for the shell come out.
There is no I/O, no clock and no random number; audio is moved, and converted for sidebands and fixtures.

    receive_text · receive · lost · stop · tick                            what the shell reports
    attach · detach                                                        sidebands
    detected · detection_failed                                            answers to `Detect`
    transcript · transcription_failed                                      answers to `TranscribeUtterance`
    reply_text · reply_clause · reply_audio · reply_call
    reply_finished · reply_failed                                          answers to `LiveReply`
    take_outgoing · take_commands                                          the shell collects these after each call
    next_tick_at                                                           and reads this again: any call can change it

Every method that takes `now` may be called at any time and never raises for what a client or an engine did: the answer
to an invalid message is an `error` event, and a report about something that has ended is stale and is ignored. An
engine that fails is reported as such, with a sentence for the client.

The session's time advances with input audio, and never faster than the clock
(https://platform.openai.com/docs/guides/live).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from duologue.events.live import AnyLiveEvent
from duologue.protocol.live.server.commands import LiveCommand
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.outgoing import PRIMARY, LiveOutgoing
from duologue.protocol.live.server.stored import StoredLiveSession
from duologue.protocol.server.account import Charge

__all__ = ["LiveServerProtocol"]


class LiveServerProtocol:
    """One session, seen from the server.

    `new_id` makes an id for a kind of object ("live", "event", "item", "resp", "fc", "call", "msg", "reply", "utt").
    `now` is a monotonic clock in seconds, the same one in every call. `started_at` is the Unix time of `now`. `charge`
    is called with every change of what the session holds in memory, and can reject more. With `stored` the session is
    a fork of it.
    """

    def __init__(
        self,
        defaults: LiveDefaults | None = None,
        *,
        new_id: Callable[[str], str],
        now: float,
        started_at: float,
        charge: Charge | None = None,
        stored: StoredLiveSession | None = None,
    ) -> None:
        self.session_id = new_id("live")

    # --- the shell

    @property
    def is_running(self) -> bool:
        """Whether the session has started and has not ended: a sideband can be attached."""
        raise NotImplementedError

    @property
    def is_over(self) -> bool:
        """Whether nothing follows any more; a `Close` is among the commands, or has been."""
        raise NotImplementedError

    @property
    def input_ms(self) -> int:
        """Length of all input audio so far, in milliseconds."""
        raise NotImplementedError

    @property
    def position_ms(self) -> int:
        """How far the session's time has come, in milliseconds."""
        raise NotImplementedError

    @property
    def voice_ahead_ms(self) -> int:
        """Speech that was reported and is not heard yet, in milliseconds.

        Wait with the next `reply_audio` while this is above some seconds: it falls as the session's time advances. At
        `LiveDefaults.max_voice_ahead_ms` the reply fails.
        """
        raise NotImplementedError

    @property
    def held(self) -> Mapping[str, int]:
        """Bytes that the session holds in memory, by kind."""
        raise NotImplementedError

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity once the session is over."""
        raise NotImplementedError

    def tick(self, now: float) -> None:
        """Time has passed. A call before `next_tick_at` changes nothing."""
        raise NotImplementedError

    def receive_text(self, message: str | bytes, *, now: float, source: str = PRIMARY) -> None:
        """A message of the primary connection, or of the sideband whose id is `source`; text or binary."""
        raise NotImplementedError

    def receive(self, event: AnyLiveEvent, *, now: float, source: str = PRIMARY) -> None:
        """The same for an event that has been decoded."""
        raise NotImplementedError

    def attach(self, sideband_id: str, *, now: float) -> bool:
        """A sideband connects: it gets `session.started` first. False if the session does not run, or has too many."""
        raise NotImplementedError

    def detach(self, sideband_id: str, *, now: float) -> None:
        """A sideband is gone; the session goes on."""
        raise NotImplementedError

    def lost(self, *, now: float) -> None:
        """The primary connection is gone: the session is over and not finalised, which the sidebands are told."""
        raise NotImplementedError

    def stop(self, *, now: float) -> None:
        """The server wants the end, as if the client had sent `session.close`: what was begun is finished first."""
        raise NotImplementedError

    def stored(self) -> StoredLiveSession | None:
        """What to keep of the session. None unless it was finalised and its client asked for `store`."""
        raise NotImplementedError

    def take_outgoing(self) -> list[LiveOutgoing]:
        """Events since the last call, in order."""
        raise NotImplementedError

    def take_commands(self) -> list[LiveCommand]:
        """Commands since the last call, in order. Those before a `Close` come after the events of `take_outgoing`."""
        raise NotImplementedError

    # --- the engines

    def detected(self, probabilities: Sequence[float], frame_ms: float, *, now: float) -> None:
        """Answers `Detect`: speech probabilities, 0 to 1, of the frames that the audio completed."""
        raise NotImplementedError

    def detection_failed(self, fault: str, *, now: float) -> None:
        """Answers `Detect`: detection failed, so the session ends; the clients get `fault`."""
        raise NotImplementedError

    def transcript(self, utterance_id: str, text: str, *, now: float) -> None:
        """Answers `TranscribeUtterance`: the whole transcript; empty if there are no words in it."""
        raise NotImplementedError

    def transcription_failed(self, utterance_id: str, fault: str, *, now: float) -> None:
        """Answers `TranscribeUtterance`: the transcription failed; the clients get `fault`."""
        raise NotImplementedError

    def reply_text(self, reply_id: str, piece: str, *, now: float) -> None:
        """Answers `LiveReply`: the next piece of the text, with its white space."""
        raise NotImplementedError

    def reply_clause(self, reply_id: str, clause: str, *, now: float) -> None:
        """Answers `LiveReply`: the audio that follows speaks this part of the text, which has been reported before.

        Without this report the transcript is placed less exactly.
        """
        raise NotImplementedError

    def reply_audio(self, reply_id: str, audio: bytes, *, now: float) -> None:
        """Answers `LiveReply`: the next piece of the speech, in the command's encoding, any number of whole samples."""
        raise NotImplementedError

    def reply_call(self, reply_id: str, name: str, arguments: str, *, now: float) -> None:
        """Answers `LiveReply`: the responder calls a function of the command, or `DELEGATE`. Report all text and audio
        before it first; the reply goes on."""
        raise NotImplementedError

    def reply_finished(self, reply_id: str, *, now: float) -> None:
        """Answers `LiveReply`: text, speech and calls are complete. The speech may still wait to be heard."""
        raise NotImplementedError

    def reply_failed(self, reply_id: str, fault: str, *, now: float) -> None:
        """Answers `LiveReply`: an engine failed; the clients get `fault`, and hear what was said before."""
        raise NotImplementedError
