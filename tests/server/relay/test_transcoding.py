"""Audio through a relay whose two sides have other formats. The test plays both sides."""

from __future__ import annotations

import asyncio
import json
import math
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.audio.samples import from_samples
from duologue.dialects import PROFILES
from duologue.events import ErrorEvent, RealtimeEvent, SessionUpdatedEvent, SessionUpdateEvent
from duologue.events.base import decode_audio, encode_audio
from duologue.server.relay.transcoding import UpstreamAudio
from duologue.transports import MemoryTransport
from tests.server._relays import created, relayed, reported

pytestmark = pytest.mark.timeout(30)

PCM_16 = Encoding.of("audio/pcm", 16_000)
CUT_BYTES = 1_001
"""Odd: half a sample waits for its other half."""


def tone(encoding: Encoding, ms: int) -> bytes:
    n = encoding.rate_hz * ms // 1000
    samples = array("h", (round(12_000 * math.sin(2 * math.pi * 440 * i / encoding.rate_hz)) for i in range(n)))
    return encoding.from_pcm16(from_samples(samples))


async def say(end: MemoryTransport, name: str, **fields: Any) -> None:
    await end.send(json.dumps({"type": name, "event_id": "e", **fields}))


async def heard(end: MemoryTransport, until: str) -> tuple[bytes, list[str]]:
    """All audio that comes to an end, up to a message of this type, and the types that came."""
    audio, names = b"", [""]
    while names[-1] != until:
        message = await reported(end)
        names.append(message["type"])
        if names[-1].endswith(("append", "audio.delta")):
            audio += decode_audio(message.get("audio") or message["delta"])
    return audio, names[1:]


def formats(**sides: Any) -> dict[str, Any]:
    """A canonical session with these formats."""
    return {"type": "realtime", "audio": {side: {"format": wire} for side, wire in sides.items()}}


async def relayed_input(client: MemoryTransport, upstream: MemoryTransport, sent: bytes) -> bytes:
    """What the upstream gets of this audio, once it is committed."""

    async def send() -> None:
        for at in range(0, len(sent), CUT_BYTES):
            await say(client, "input_audio_buffer.append", audio=encode_audio(sent[at : at + CUT_BYTES]))
        await say(client, "input_audio_buffer.commit")

    sending = asyncio.ensure_future(send())
    audio, _ = await heard(upstream, "input_audio_buffer.commit")
    await sending
    return audio


def piece(audio: bytes, name: str = "response.audio.delta", *, response_id: str = "r") -> dict[str, Any]:
    place = {"response_id": response_id, "item_id": "i", "output_index": 0, "content_index": 0}
    return {"type": name, "event_id": "e", **place, **({"delta": encode_audio(audio)} if audio else {})}


async def speak(client: MemoryTransport, upstream: MemoryTransport, said: bytes) -> bytes:
    """What the client gets of this speech, once it is done."""

    async def send() -> None:
        for at in range(0, len(said), CUT_BYTES):
            await upstream.send(json.dumps(piece(said[at : at + CUT_BYTES])))
        await upstream.send(json.dumps(piece(b"", "response.audio.done")))

    sending = asyncio.ensure_future(send())
    audio, names = await heard(client, "response.output_audio.done")
    await sending
    assert set(names) == {"response.output_audio.delta", "response.output_audio.done"}
    return audio


def is_the_tone(audio: bytes, encoding: Encoding, ms: int) -> bool:
    """Whether this is, sample for sample, as long as it should be, and sounds so."""
    want, got = array("h", encoding.to_pcm16(tone(encoding, ms))), array("h", encoding.to_pcm16(audio))
    assert len(got) == len(want)
    edge = len(want) // 5  # a filter swings in and out
    return math.dist(want[edge:-edge], got[edge:-edge]) / math.hypot(*want[edge:-edge]) < 0.05


@pytest.mark.parametrize(("wire", "encoding"), [("audio/pcmu", PCMU), ("audio/pcma", PCMA)])
async def test_a_telephone_talks_to_an_upstream_that_has_only_pcm(wire: str, encoding: Encoding) -> None:
    async with relayed("qwen", "openai") as (client, upstream):
        await upstream.send(created(id="s", input_audio_format="pcm", output_audio_format="pcm"))
        assert (await reported(client))["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
        await say(client, "session.update", session=formats(input={"type": wire}, output={"type": wire}))
        asked = (await reported(upstream))["session"]
        assert (asked["input_audio_format"], asked["output_audio_format"]) == ("pcm", "pcm")
        await say(
            upstream, "session.updated", session={"id": "s", "input_audio_format": "pcm", "output_audio_format": "pcm"}
        )
        audio = (await reported(client))["session"]["audio"]
        assert (audio["input"]["format"], audio["output"]["format"]) == ({"type": wire}, {"type": wire})
        response = {"id": "r", "object": "realtime.response", "status": "in_progress", "output_audio_format": "pcm"}
        await say(upstream, "response.created", response=response)
        assert (await reported(client))["response"]["audio"]["output"]["format"] == {"type": wire}
        assert is_the_tone(await relayed_input(client, upstream, tone(encoding, 300)), PCM_16, 300)
        assert is_the_tone(await speak(client, upstream, tone(PCM, 300)), encoding, 300)


async def test_a_client_of_24_khz_gets_speech_of_an_upstream_of_16_khz_at_its_own_rate() -> None:
    async with relayed("azure-voice-live", "openai") as (client, upstream):
        session = {"id": "s", "output_audio_format": "pcm16_16000hz", "input_audio_sampling_rate": 16_000}
        await upstream.send(created(**session, input_audio_format="pcm16"))
        audio = (await reported(client))["session"]["audio"]
        assert [audio[side]["format"] for side in ("input", "output")] == [{"type": "audio/pcm", "rate": 24_000}] * 2
        assert is_the_tone(await speak(client, upstream, tone(PCM_16, 300)), PCM, 300)
        assert is_the_tone(await relayed_input(client, upstream, tone(PCM, 300)), PCM_16, 300)


async def test_a_format_that_both_sides_have_is_asked_for_and_audio_passes_as_it_is() -> None:
    async with relayed("openai-beta", "openai") as (client, upstream):
        await upstream.send(created(id="s", input_audio_format="pcm16", output_audio_format="pcm16"))
        await reported(client)
        ulaw = {"type": "audio/pcmu"}
        await say(client, "session.update", session=formats(input=ulaw, output=ulaw))
        asked = (await reported(upstream))["session"]
        assert (asked["input_audio_format"], asked["output_audio_format"]) == ("g711_ulaw", "g711_ulaw")
        await say(upstream, "session.updated", session={"id": "s", **asked})
        await reported(client)
        audio = bytes(range(256))
        assert await relayed_input(client, upstream, audio) == audio
        assert await speak(client, upstream, audio) == audio


async def test_speech_changes_its_format_when_the_upstream_has_taken_the_update_and_not_before() -> None:
    async with relayed("qwen", "openai") as (client, upstream):
        await say(client, "session.update", session=formats(output={"type": "audio/pcmu"}))
        await reported(upstream)
        assert await speak(client, upstream, tone(PCM, 50)) == tone(PCM, 50)
        await say(upstream, "session.updated", session={"id": "s", "output_audio_format": "pcm"})
        await reported(client)
        assert is_the_tone(await speak(client, upstream, tone(PCM, 300)), PCMU, 300)


@pytest.mark.parametrize("answers", ["e", None])
async def test_a_format_of_an_update_that_the_upstream_refuses_is_forgotten(answers: str | None) -> None:
    async with relayed("qwen", "openai") as (client, upstream):
        await say(
            client, "session.update", session=formats(input={"type": "audio/pcmu"}, output={"type": "audio/pcmu"})
        )
        await reported(upstream)
        fault = {"type": "invalid_request_error", "code": "c", "message": "m", "param": "session.voice"}
        await say(upstream, "error", error={**fault, "event_id": answers})
        assert (await reported(client))["type"] == "error"
        assert is_the_tone(await relayed_input(client, upstream, tone(PCM, 300)), PCM_16, 300)
        assert await speak(client, upstream, tone(PCM, 50)) == tone(PCM, 50)


async def test_a_refused_update_takes_nothing_back_that_a_later_one_asked_for() -> None:
    async with relayed("qwen", "openai") as (client, upstream):
        for event_id, update in {
            "voice": {"type": "realtime"},
            "format": formats(input={"type": "audio/pcmu"}),
        }.items():
            await client.send(json.dumps({"type": "session.update", "event_id": event_id, "session": update}))
            await reported(upstream)
        fault = {"type": "invalid_request_error", "code": "c", "message": "m", "param": None, "event_id": "voice"}
        await say(upstream, "error", error=fault)
        assert (await reported(client))["type"] == "error"
        assert is_the_tone(await relayed_input(client, upstream, tone(PCMU, 300)), PCM_16, 300)
        await say(upstream, "session.updated", session={"id": "s", "input_audio_format": "pcm16"})
        await reported(client)
        assert is_the_tone(await relayed_input(client, upstream, tone(PCMU, 300)), PCM_16, 300)


FORMATS = st.sampled_from([None, "audio/pcm", "audio/pcmu", "audio/pcma"])
ANSWERS = st.tuples(st.sampled_from(["taken", "refused"]), st.integers(0, 9))


@given(st.lists(st.tuples(FORMATS, FORMATS) | ANSWERS, max_size=30))
def test_formats_are_those_of_the_updates_that_were_not_refused_in_their_order(steps: list[tuple[Any, Any]]) -> None:
    audio = UpstreamAudio(PROFILES["qwen"], PROFILES["openai"], new_event_id=lambda: "event")
    taken: dict[str, str] = {"input": "audio/pcm", "output": "audio/pcm"}
    waiting: list[tuple[str, dict[str, str]]] = []
    for number, (first, second) in enumerate(steps):
        if first == "taken" and waiting:
            taken |= waiting.pop(0)[1]
            session = {"type": "realtime", "object": "realtime.session", "id": "s"}
            event = RealtimeEvent.from_json({"type": "session.updated", "event_id": "e", "session": session})
            assert isinstance(event, SessionUpdatedEvent)
            audio.configuration(event)
        elif first == "refused" and waiting:
            event_id, _ = waiting.pop(second % len(waiting))
            error = {"type": "t", "code": "c", "message": "m", "param": None, "event_id": event_id}
            refused = RealtimeEvent.from_json({"type": "error", "event_id": "e", "error": error})
            assert isinstance(refused, ErrorEvent)
            audio.rejected(refused)
        elif first not in ("taken", "refused"):
            asked = {side: wire for side, wire in (("input", first), ("output", second)) if wire is not None}
            rate = {"audio/pcm": {"rate": 24_000}}
            session = formats(**{side: {"type": wire, **rate.get(wire, {})} for side, wire in asked.items()})
            update = RealtimeEvent.from_json({"type": "session.update", "event_id": str(number), "session": session})
            assert isinstance(update, SessionUpdateEvent)
            audio.update(update)
            waiting.append((str(number), asked))
        expected = taken["input"]
        for _, asked in waiting:
            expected = asked.get("input", expected)
        assert audio._input.client is not None
        assert audio._input.client.type == expected
        assert audio._output.client is not None
        assert audio._output.client.type == taken["output"]


async def test_a_cleared_buffer_leaves_nothing_in_the_next_one() -> None:
    async with relayed("qwen", "openai") as (client, upstream):
        await say(client, "input_audio_buffer.append", audio=encode_audio(tone(PCM, 10) + b"\0"))
        await say(client, "input_audio_buffer.clear")
        assert (await reported(upstream))["type"] == "input_audio_buffer.clear"
        assert is_the_tone(await relayed_input(client, upstream, tone(PCM, 300)), PCM_16, 300)


async def test_audio_that_is_cut_off_one_response_is_not_in_the_next() -> None:
    async with relayed("qwen", "openai") as (client, upstream):
        await say(client, "session.update", session=formats(output={"type": "audio/pcmu"}))
        await reported(upstream)
        await say(upstream, "session.updated", session={"id": "s", "output_audio_format": "pcm"})
        await reported(client)
        await upstream.send(json.dumps(piece(tone(PCM, 100), response_id="r")))
        await say(upstream, "response.done", response={"id": "r", "object": "realtime.response", "status": "cancelled"})
        _, names = await heard(client, "response.done")
        assert names == ["response.output_audio.delta", "response.done"]
        assert is_the_tone(await speak(client, upstream, tone(PCM, 300)), PCMU, 300)


async def test_a_response_in_a_format_that_the_upstream_lacks_is_refused_and_one_in_its_session_s_is_not() -> None:
    async with relayed("qwen", "openai") as (client, upstream):
        await say(client, "session.update", session=formats(output={"type": "audio/pcmu"}))
        await reported(upstream)

        async def create(wire: str) -> None:
            await say(client, "response.create", response={"audio": {"output": {"format": {"type": wire}}}})

        await create("audio/pcma")
        refused = (await reported(client))["error"]
        assert (refused["code"], refused["param"], refused["event_id"]) == (
            "invalid_value",
            "response.audio.output.format",
            "e",
        )
        await create("audio/pcmu")
        assert (await reported(upstream))["response"] == {"output_audio_format": "pcm"}


async def test_a_response_with_a_format_of_its_own_comes_in_that() -> None:
    async with relayed("azure-voice-live", "openai") as (client, upstream):
        await upstream.send(created(id="s", output_audio_format="pcm16_16000hz"))
        await reported(client)
        wire = {"type": "audio/pcmu"}
        await say(client, "response.create", response={"audio": {"output": {"format": wire}}})
        assert (await reported(upstream))["response"]["output_audio_format"] == "g711_ulaw"
        begun = {"id": "r", "object": "realtime.response", "status": "in_progress", "output": []}
        await say(upstream, "response.created", response={**begun, "output_audio_format": "g711_ulaw"})
        assert (await reported(client))["response"]["audio"]["output"]["format"] == wire
        audio = bytes(range(256))
        assert await speak(client, upstream, audio) == audio


async def test_audio_inside_items_is_transcoded_both_ways() -> None:
    async with relayed("glm", "openai") as (client, upstream):
        content = [{"type": "input_audio", "audio": encode_audio(tone(PCM, 200))}]
        await say(client, "conversation.item.create", item={"type": "message", "role": "user", "content": content})
        [part] = (await reported(upstream))["item"]["content"]
        assert is_the_tone(decode_audio(part["audio"]), PCM_16, 200)
        item = {"id": "i", "type": "message", "role": "user", "status": "completed", "content": [part]}
        await say(upstream, "conversation.item.retrieved", item=item)
        [part] = (await reported(client))["item"]["content"]
        assert is_the_tone(decode_audio(part["audio"]), PCM, 200)


async def test_what_is_no_base64_passes_in_both_directions() -> None:
    async with relayed("azure-voice-live", "openai") as (client, upstream):
        await upstream.send(created(id="s", output_audio_format="pcm16_16000hz", input_audio_sampling_rate=16_000))
        await reported(client)
        await say(client, "input_audio_buffer.append", audio="?!")
        assert (await reported(upstream))["audio"] == "?!"
        await upstream.send(json.dumps({**piece(b""), "delta": "?!"}))
        assert (await reported(client))["delta"] == "?!"


async def test_speech_whose_end_is_lost_is_told_whole_and_so_is_speech_behind_its_response() -> None:
    async with relayed("qwen", "openai") as (client, upstream):
        await say(client, "session.update", session=formats(output={"type": "audio/pcmu"}))
        await reported(upstream)
        await say(upstream, "session.updated", session={"id": "s", "output_audio_format": "pcm"})
        await reported(client)
        ended = {"id": "r", "object": "realtime.response", "status": "completed"}
        for _ in range(2):
            await upstream.send(json.dumps(piece(tone(PCM, 300), response_id="r")))
            await say(upstream, "response.done", response=ended)
            heard_audio, names = await heard(client, "response.done")
            assert names[-1] == "response.done"
            assert is_the_tone(heard_audio, PCMU, 300)
