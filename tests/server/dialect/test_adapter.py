from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from itertools import count
from typing import Annotated, Any, get_args

import pytest
from openai import AsyncOpenAI
from openai.types.beta.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter
from websockets.asyncio.client import connect as websockets_connect

from duologue import connect
from duologue.dialects import PROFILES
from duologue.events import AnyClientEvent
from duologue.events.base import encode_audio
from duologue.protocol import ServerProtocol, SessionDefaults, SessionKind
from duologue.server import RealtimeApp
from duologue.server.dialect.adapter import BETA, DialectAdapter, asks_for_beta
from duologue.testing import scripted_engines
from tests.dialects.vendor_frames import VENDOR_FRAMES
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening, scripted_app
from tests.server._talking import audio, event, speak, typed, until

pytestmark = pytest.mark.timeout(30)

CLIENT_EVENTS = {cls.__struct_config__.tag for cls in get_args(AnyClientEvent)}
BETA_ASKED: dict[str, Any] = {"additional_headers": {"OpenAI-Beta": "realtime=v1"}}


class Spoken:
    """A session without a shell, in a dialect."""

    def __init__(self, dialect: str, *, kind: SessionKind | None = None) -> None:
        ids = count()

        def new_id(kind: str) -> str:
            return f"{kind}_{next(ids)}"

        profile = PROFILES[dialect]
        defaults = SessionDefaults(
            input_rates_hz=profile.input_rates_hz or (24_000,), output_rates_hz=profile.output_rates_hz or (24_000,)
        )
        kind = kind or ("realtime" if profile.output_rates_hz else "transcription")
        self.protocol = ServerProtocol(defaults, new_id=new_id, now=0.0, started_at=0.0, kind=kind)
        self.adapter = DialectAdapter(
            dialect, new_id=new_id, conversation_id=self.protocol.conversation.conversation_id, kind=kind
        )
        self.protocol.connect()

    def reported(self) -> list[dict[str, Any]]:
        """What has been said to the client since the last call, as its frames."""
        return [json.loads(text) for event in self.protocol.take_events() for text in self.adapter.write(event)]

    def say(self, **frame: Any) -> list[dict[str, Any]]:
        """The answers to a frame of the client's."""
        self.protocol.receive_text(json.dumps(frame), now=0.0, read=self.adapter.read)
        return self.reported()


def client_frames() -> Iterator[Any]:
    for dialect, frames in VENDOR_FRAMES.items():
        for number, frame in enumerate(frames):
            if PROFILES[dialect].canonical(str(frame.get("type"))) in CLIENT_EVENTS:
                yield pytest.param(dialect, frame, id=f"{dialect}-{number}-{frame['type']}")


_OTHER_REASONS = ("there is no item", "assistant audio cannot be created")


@pytest.mark.parametrize(("dialect", "frame"), [*client_frames()])
def test_what_a_vendor_s_clients_send_is_not_refused_for_its_fields(dialect: str, frame: dict[str, Any]) -> None:
    session = Spoken(dialect)
    session.reported()
    for answer in session.say(**frame):
        if answer["type"] == "error" and not any(words in str(answer) for words in _OTHER_REASONS):
            # The errors of vLLM are flat.
            code = answer["error"].get("code") if isinstance(answer["error"], dict) else answer.get("code")
            assert code not in ("unknown_parameter", "missing_required_parameter", "invalid_value"), answer


def test_a_client_that_makes_up_fields_fills_neither_log_nor_memory(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="duologue.server")
    session = Spoken("qwen")
    session.reported()
    for number in range(0, 300, 3):
        made_up = {f"field_{number + each}": "secret" for each in range(3)}
        [updated] = session.say(type="session.update", session=made_up)
        assert updated["type"] == "session.updated"
    reported = " ".join(record.getMessage() for record in caplog.records)
    assert 0 < reported.count("field_") <= 100
    assert "secret" not in reported
    assert len(session.adapter._losses._logged) <= 100


def test_the_beta_s_greeting_is_flat_and_announces_its_conversation() -> None:
    created, conversation = Spoken(BETA).reported()
    assert (created["type"], conversation["type"]) == ("session.created", "conversation.created")
    assert conversation["conversation"]["id"].startswith("conv_")
    session = created["session"]
    assert session["modalities"] == ["text", "audio"]
    assert (session["voice"], session["input_audio_format"], session["output_audio_format"]) == (
        "alloy",
        "pcm16",
        "pcm16",
    )
    assert session["turn_detection"]["type"] == "server_vad"
    assert (session["temperature"], session["client_secret"]) == (0.8, None)
    assert not {"type", "audio", "output_modalities", "max_output_tokens", "truncation"} & session.keys()


def test_the_beta_s_own_settings_are_taken_and_echoed_once_they_are_in_force() -> None:
    session = Spoken(BETA)
    session.reported()
    [updated] = session.say(type="session.update", session={"temperature": 0.7, "modalities": ["text"]})
    assert (updated["session"]["temperature"], updated["session"]["modalities"]) == (0.7, ["text"])
    [refused] = session.say(type="session.update", session={"temperature": 0.9, "voice": 5})
    assert refused["type"] == "error"
    [updated] = session.say(type="session.update", session={})
    assert updated["session"]["temperature"] == 0.7
    [refused] = session.say(type="session.update", session={"temperature": "hot"})
    assert (refused["error"]["code"], refused["error"]["param"]) == ("unknown_parameter", "session.temperature")


def test_a_session_of_the_beta_that_only_transcribes_has_events_of_its_own() -> None:
    session = Spoken(BETA, kind="transcription")
    created = session.reported()[0]
    assert created["type"] == "transcription_session.created"
    assert created["session"]["input_audio_format"] == "pcm16"
    assert not {"type", "temperature", "audio"} & created["session"].keys()
    [updated] = session.say(
        type="transcription_session.update",
        session={"input_audio_transcription": {"model": "whisper-1", "language": "en"}, "turn_detection": None},
    )
    assert updated["type"] == "transcription_session.updated"
    assert updated["session"]["input_audio_transcription"]["language"] == "en"
    assert updated["session"]["turn_detection"] is None


def test_turn_detection_of_the_beta_needs_no_type() -> None:
    session = Spoken(BETA)
    session.reported()
    [updated] = session.say(type="session.update", session={"turn_detection": {"silence_duration_ms": 200}})
    assert updated["session"]["turn_detection"]["silence_duration_ms"] == 200


def test_an_error_names_the_parameter_as_the_client_knows_it() -> None:
    session = Spoken(BETA)
    session.reported()
    [refused] = session.say(type="session.update", event_id="e1", session={"max_response_output_tokens": 0})
    assert refused["error"]["param"] == "session.max_response_output_tokens"
    assert "'session.max_response_output_tokens'" in refused["error"]["message"]
    assert refused["error"]["event_id"] == "e1"


def test_an_unknown_field_is_refused_where_all_fields_are_known_and_dropped_elsewhere() -> None:
    strict, lenient = Spoken(BETA), Spoken("qwen")
    for session in (strict, lenient):
        session.reported()
    [refused] = strict.say(type="session.update", session={"warmth": 1})
    assert (refused["error"]["code"], refused["error"]["param"]) == ("unknown_parameter", "session.warmth")
    [updated] = lenient.say(type="session.update", session={"smooth_output": True, "voice": "Cherry"})
    assert (updated["type"], updated["session"]["voice"]) == ("session.updated", "Cherry")


def test_messages_that_are_no_frames_are_refused_in_every_dialect() -> None:
    for dialect in PROFILES:
        session = Spoken(dialect)
        session.reported()
        for message in ("no json", b"binary", "[]", "{}", '{"type": "session.explode"}'):
            session.protocol.receive_text(message, now=0.0, read=session.adapter.read)
            [answer] = session.reported()
            assert answer["type"] == "error", (dialect, message)


@pytest.mark.parametrize("dialect", PROFILES)
def test_a_message_nested_more_deeply_than_its_translation_can_follow_is_refused(dialect: str) -> None:
    session = Spoken(dialect)
    session.reported()
    for depth in range(900, 1010):
        nested = f"{'[' * depth}1{']' * depth}"
        message = f'{{"type": "session.update", "session": {{"tools": {nested}}}}}'
        session.protocol.receive_text(message, now=0.0, read=session.adapter.read)
        assert {answer["type"] for answer in session.reported()} <= {"error", "session.updated"}, depth


@pytest.mark.parametrize(
    ("dialect", "word", "rate_hz"), [("qwen", "pcm", 16_000), ("glm", "pcm16", 16_000), ("glm", "pcm24", 24_000)]
)
def test_pcm_comes_at_the_rates_that_the_dialect_has(dialect: str, word: str, rate_hz: int) -> None:
    session = Spoken(dialect)
    session.reported()
    [updated] = session.say(type="session.update", session={"input_audio_format": word})
    assert updated["type"] == "session.updated"
    wire: Any = session.protocol.session.input.format
    assert wire.rate == rate_hz


def test_an_unknown_dialect_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="no dialect 'klingon'; known: openai"):
        RealtimeApp(dialect="klingon")


@pytest.mark.parametrize(
    ("header", "subprotocols", "asked"),
    [
        ("realtime=v1", (), True),
        ("assistants=v2, realtime=v1", (), True),
        ("", ("realtime", "openai-beta.realtime-v1"), True),
        ("assistants=v2", ("realtime",), False),
        ("", (), False),
    ],
)
def test_a_handshake_asks_for_the_beta_by_header_or_by_subprotocol(
    header: str, subprotocols: tuple[str, ...], asked: bool
) -> None:
    assert asks_for_beta(header, subprotocols) is asked


# --- over sockets


@pytest.mark.parametrize("presented", [BETA_ASKED, {"subprotocols": ["realtime", "openai-beta.realtime-v1"]}])
async def test_a_client_that_asks_for_the_beta_is_served_in_it_while_others_are_not(presented: dict[str, Any]) -> None:
    async with listening(scripted_app()) as url, connect(url, dialect="openai") as current:
        async with websockets_connect(url, **presented) as socket, asyncio.timeout(5):
            assert "modalities" in json.loads(await socket.recv())["session"]
        [created] = await until(current, "session.created")
        assert created.to_json()["session"]["type"] == "realtime"


SPOKEN_DIALECTS = [
    name
    for name, profile in PROFILES.items()
    if profile.output_rates_hz and not {"response.create", "response.done"} & profile.lacks_events
]


@pytest.mark.parametrize("dialect", SPOKEN_DIALECTS)
async def test_our_own_client_holds_a_spoken_turn_with_our_server_in_each_dialect_that_speaks(dialect: str) -> None:
    async with (
        listening(scripted_app(dialect=dialect)) as url,
        connect(url, dialect=dialect) as connection,
        asyncio.timeout(10),
    ):
        await until(connection, "session.created")
        await connection.send(event("session.update", session={"type": "realtime", "instructions": "Be short."}))
        await until(connection, "session.updated")
        # 16 kHz where the dialect says so: the same bytes are then half as much again of speech.
        await speak(connection)
        events = await until(connection, "response.done")
    assert audio(events)
    assert [event for event in events if type(event).__name__ == "UnknownRealtimeEvent"] == []
    own = "conversation.item.created" if "conversation.item.added" in PROFILES[dialect].lacks_events else None
    if own is not None:
        names = [event.type for event in events]
        assert names.count(own) == 2
        assert "conversation.item.added" not in names


_STRICT: TypeAdapter[Any] = TypeAdapter(Annotated[RealtimeServerEvent, Field(discriminator="type")])


async def test_the_official_sdk_s_beta_client_holds_text_and_spoken_turns() -> None:
    names: list[str] = []
    async with listening(scripted_app(scripted_engines(responses=("Two words.",)))) as url:
        base = url.replace("ws://", "http://").removesuffix("/realtime")
        async with (
            AsyncOpenAI(base_url=base, websocket_base_url=url.removesuffix("/realtime"), api_key="open") as client,
            client.beta.realtime.connect(model="gpt-4o-realtime-preview") as connection,
            asyncio.timeout(10),
        ):

            async def until_done() -> Any:
                async for reported in connection:
                    _STRICT.validate_python(reported.to_dict(mode="json", use_api_names=True))
                    names.append(reported.type)
                    assert reported.type != "error", reported
                    if reported.type == "response.done":
                        return reported
                raise AssertionError("the session ended before the response")

            await connection.session.update(session={"modalities": ["text"], "temperature": 0.7, "voice": "ash"})
            await connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
            )
            await connection.response.create()
            done = await until_done()
            assert done.response.output[0].content[0].text == "Two words."
            await connection.session.update(session={"modalities": ["text", "audio"]})
            for piece in (LOUD * 400, QUIET * 600):
                await connection.input_audio_buffer.append(audio=encode_audio(piece))
            done = await until_done()
            assert done.response.output[0].content[0].transcript == "Two words."
    assert names[:3] == ["session.created", "conversation.created", "session.updated"]
    assert {"response.text.delta", "response.audio.delta", "response.audio_transcript.done"} <= set(names)
    assert "conversation.item.added" not in names


async def test_a_beta_client_reads_a_typed_turn_in_the_order_that_the_beta_had() -> None:
    async with (
        listening(scripted_app()) as url,
        connect(url, dialect=BETA, headers={"OpenAI-Beta": "realtime=v1"}) as connection,
    ):
        await until(connection, "conversation.created")
        await connection.send(typed("hi"))
        await connection.send(event("response.create", response={"output_modalities": ["text"]}))
        events = await until(connection, "response.done")
    names = [reported.type for reported in events if reported.type != "response.output_text.delta"]
    assert [name for name in names if name != "rate_limits.updated"] == [
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
