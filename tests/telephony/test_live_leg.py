"""A call joined with a Live session: a carrier in memory, and a scripted server of Live."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from duologue import telephony
from duologue.audio.formats import PCMU
from duologue.client.live import Live
from duologue.notices import LiveAudioPiece
from duologue.telephony import Bridge, CallEnded, CallStarted, Digit, PhoneCall, Twilio
from duologue.telephony.codecs.leg_events import PlayCommand
from duologue.telephony.live_leg import LiveLeg
from duologue.testing import Drop, Expect, ScriptedServer, Send
from tests.client.live._talking import END, sound, started, talking
from tests.telephony._carrier import MemoryCarrier, carrier, speech_frames

_G711: dict[str, Any] = {"audio": {"format": {"type": "audio/pcmu", "rate": 8000}}}
_START = started(**_G711)
_CUE = Expect("session.thinking.append")
_VOICE = b"".join(speech_frames(100))
_SILENCE = b"\xff" * len(_VOICE)


def _piece(audio: bytes) -> dict[str, Any]:
    return sound(base64.b64encode(audio).decode())


def _live_piece(audio: bytes) -> LiveAudioPiece:
    """A piece of the model's sound."""
    return LiveAudioPiece(audio=audio, encoding=PCMU, start_ms=0)


class _Call:
    def __init__(self, line: MemoryCarrier, call: PhoneCall, live: Live) -> None:
        self.line, self.call, self.live = line, call, live
        self.joined = asyncio.ensure_future(call.join(live))

    async def ended(self) -> CallEnded:
        async with asyncio.timeout(5):
            return await self.joined

    async def played(self, n_bytes: int) -> bytes:
        """What the carrier was given to play, when it is so much."""
        async with asyncio.timeout(5):
            for number in range(1, 1000):
                plays = await self.line.until(PlayCommand, number)
                audio = b"".join(each.audio for each in plays if isinstance(each, PlayCommand))
                if len(audio) >= n_bytes:
                    return audio
        raise AssertionError


@asynccontextmanager
async def _joined(server: ScriptedServer) -> AsyncGenerator[_Call, None]:
    async with carrier() as (line, socket), talking(server, session=_G711) as live:
        call = _Call(line, await telephony.accept(socket, Twilio()), live)
        try:
            yield call
        finally:
            call.joined.cancel()
            await asyncio.wait([call.joined])


async def test_the_sound_of_a_live_session_reaches_the_caller_as_it_is() -> None:
    server = ScriptedServer([*_START, _CUE, Send(_piece(_VOICE), _piece(_SILENCE), _piece(_VOICE)), *END])
    async with _joined(server) as call:
        await call.live.append_thinking("Begin.")
        assert await call.played(3 * len(_VOICE)) == _VOICE + _SILENCE + _VOICE


async def test_what_the_caller_says_goes_into_the_session_and_keys_are_something_to_know() -> None:
    server = ScriptedServer([*_START, Expect("session.input_audio.append"), _CUE, Send(_piece(_VOICE)), *END])
    async with _joined(server) as call:
        await call.line.say(*speech_frames(60))
        await call.line.tell(Digit(digit="1"), Digit(digit="#"))
        await call.line.until(PlayCommand)  # the server's answer to the keys
    events = server.received[0]
    assert [event["content"] for event in events if event["type"] == _CUE.type] == ["[keys] 1#"]
    audio = [base64.b64decode(event["audio"]) for event in events if event["type"] == "session.input_audio.append"]
    assert b"".join(audio).startswith(b"".join(speech_frames(60)))


async def test_a_session_that_breaks_off_ends_the_call() -> None:
    server = ScriptedServer([*_START, _CUE, Drop()])
    async with carrier() as (line, socket):
        try:
            async with talking(server, session=_G711) as live:
                call = _Call(line, await telephony.accept(socket, Twilio()), live)
                await live.append_thinking("Begin.")
                assert (await call.ended()).reason
                await line.until_closed()
        except Exception as fault:  # what `live` raises at its end is for the application
            assert type(fault).__name__ == "SessionLost"  # noqa: PT017


async def test_a_call_that_ends_leaves_the_session_open() -> None:
    async with _joined(ScriptedServer([*_START, _CUE, *END])) as call:
        await call.line.tell(CallEnded())
        await call.ended()
        await call.live.append_thinking("The caller has gone.")


async def test_silence_is_left_out_while_much_waits_to_be_heard_and_while_the_call_is_to_end() -> None:
    now = [0.0]
    async with talking(ScriptedServer([*_START, *END]), session=_G711) as live:
        bridge = Bridge(Twilio(), now=0.0)
        bridge.leg(CallStarted(encoding=PCMU), now=0.0)
        leg = LiveLeg(live, bridge, now=lambda: now[0], changed=lambda: None)
        for audio in [_VOICE] * 5 + [_SILENCE, _VOICE]:
            leg.put(_live_piece(audio))
        assert bridge.unheard_ms(now[0]) == 600  # the burst, without its silence
        bridge.take_frames(now[0])
        bridge.take_frames(now[0])
        now[0] = 2.0
        leg.put(_live_piece(_SILENCE))
        assert bridge.unheard_ms(now[0]) == 100
        bridge.hang_up(now=now[0])
        leg.put(_live_piece(_SILENCE))
        assert bridge.unheard_ms(now[0]) == 100


async def test_a_goodbye_is_heard_before_a_call_with_a_live_session_is_hung_up() -> None:
    async with talking(ScriptedServer([*_START, *END]), session=_G711) as live:
        bridge, now = Bridge(Twilio(), now=0.0), [0.0]
        bridge.leg(CallStarted(encoding=PCMU), now=0.0)
        leg = LiveLeg(live, bridge, now=lambda: now[0], changed=lambda: None)
        bridge.hang_up(now=0.0)
        now[0] = 2.5
        bridge.tick(2.5)
        leg.put(_live_piece(_VOICE))
        bridge.take_frames(2.5)
        bridge.tick(3.1)
        assert bridge.ended is None
        for at in (5.6, 6.2):
            bridge.tick(at)
        assert bridge.ended is not None
