"""A translation session on the client, without I/O: against frames of a server, and against ours."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import Encoding
from duologue.codec import decode_translation, encode_translation
from duologue.errors import LocalProtocolError
from duologue.events import (
    TranslationAudio,
    TranslationAudioOutput,
    TranslationErrorEvent,
    TranslationSessionUpdate,
)
from duologue.protocol.translation.client.core import CLOSE_QUIET_S, TranslationCore, TranslationState
from duologue.protocol.translation.client.notices import (
    SourceText,
    TranslatedAudio,
    TranslatedText,
    TranslationEnded,
    TranslationErrorReported,
    TranslationLine,
    TranslationNotice,
    TranslationSessionChanged,
    TranslationUnreadable,
    TranslationUpdateEnded,
)
from duologue.testing import CountedIds
from tests.protocol.translation._session import Talk

SESSION = {"id": "sess_1", "type": "translation", "model": "m", "expires_at": 1, "audio": {}}
CREATED = {"type": "session.created", "event_id": "e1", "session": SESSION}
UPDATED = {"type": "session.updated", "event_id": "e2", "session": SESSION}
CLOSED = {"type": "session.closed", "event_id": "e9"}
SPANISH = TranslationSessionUpdate(audio=TranslationAudio(output=TranslationAudioOutput(language="es")))


class Client:
    """A core, and a server played by a test."""

    def __init__(self, *frames: dict[str, Any]) -> None:
        self.core = TranslationCore(new_id=CountedIds())
        self.now = 0.0
        self.receive(*frames)

    def receive(self, *frames: dict[str, Any]) -> list[TranslationNotice]:
        for frame in frames:
            self.core.receive(decode_translation(json.dumps(frame)), now=self.now)
        return self.core.take_notices()

    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(encode_translation(event)) for event in self.core.take_events()]


def delta(stream: str, text: str, **more: Any) -> dict[str, Any]:
    return {"type": f"session.{stream}.delta", "event_id": "e", "delta": text, **more}


def error(event_id: str | None = None, code: str = "invalid_value") -> dict[str, Any]:
    told = {"type": "invalid_request_error", "code": code, "message": "no", "param": None, "event_id": event_id}
    return {"type": "error", "event_id": "e3", "error": told}


def test_nothing_is_sent_before_the_server_has_greeted() -> None:
    client = Client()
    for act in (lambda: client.core.append(bytes(2)), lambda: client.core.update(SPANISH)):
        with pytest.raises(LocalProtocolError, match="the server has not greeted"):
            act()
    [changed] = client.receive(CREATED)
    assert isinstance(changed, TranslationSessionChanged)
    client.core.append(bytes(4))
    client.core.append(b"")
    assert client.sent() == [{"type": "session.input_audio_buffer.append", "audio": "AAAAAA=="}]


def test_half_a_sample_is_not_sent() -> None:
    with pytest.raises(LocalProtocolError, match="half a sample"):
        Client(CREATED).core.append(b"\0")


def test_text_and_speech_of_both_sides_come_as_notices_and_as_lines() -> None:
    client = Client(CREATED)
    audio = b64encode(bytes(8)).decode()
    notices = client.receive(
        delta("input_transcript", "Hello. ", elapsed_ms=200),
        delta("output_transcript", "Hola", elapsed_ms=400),
        delta("output_audio", audio, elapsed_ms=400, format="pcm16", sample_rate=16_000, channels=1),
    )
    assert notices == [
        SourceText(text="Hello. ", elapsed_ms=200),
        TranslationLine(side="source", text="Hello.", start_ms=200, end_ms=200),
        TranslatedText(text="Hola", elapsed_ms=400),
        TranslatedAudio(audio=bytes(8), encoding=Encoding.of("audio/pcm", 16_000), elapsed_ms=400),
    ]
    client.core.close(now=0)
    assert client.receive(CLOSED) == [
        TranslationLine(side="translation", text="Hola", start_ms=400, end_ms=400),
        TranslationEnded(finalised=True, reason="closed as asked"),
    ]


@pytest.mark.parametrize(
    "frame",
    [
        delta("output_audio", "%%%"),
        delta("output_audio", "AA=="),
        delta("output_audio", "AAAA", channels=2),
        delta("output_audio", "AAAA", format="opus"),
        delta("output_audio", "AAAA", sample_rate=0),
        {"type": "session.future"},
        {"type": "session.close"},
        {**UPDATED, "session": {"type": "another"}},
    ],
)
def test_what_cannot_be_read_is_reported_and_does_no_harm(frame: dict[str, Any]) -> None:
    client = Client(CREATED)
    [notice] = client.receive(frame)
    assert isinstance(notice, TranslationUnreadable)
    assert client.core.state is TranslationState.OPEN


def test_audio_stays_out_of_reprs() -> None:
    assert repr(TranslatedAudio(audio=b"secret")) == ("TranslatedAudio(audio=<6 bytes of audio/pcm>, elapsed_ms=None)")


# --- updates


def test_updates_are_answered_in_their_order_or_by_an_error_that_names_them() -> None:
    client = Client(CREATED)
    first, second, third = (client.core.update(SPANISH) for _ in range(3))
    assert [frame["event_id"] for frame in client.sent()] == [first, second, third]
    [_, taken] = client.receive(UPDATED)
    assert taken == TranslationUpdateEnded(event_id=first)
    [refused] = client.receive(error(third))
    assert isinstance(refused, TranslationUpdateEnded)
    assert (refused.event_id, isinstance(refused.error, TranslationErrorEvent)) == (third, True)
    [_, taken] = client.receive(UPDATED)
    assert taken == TranslationUpdateEnded(event_id=second)


def test_an_update_that_is_not_answered_ends_with_the_session() -> None:
    client = Client(CREATED)
    event_id = client.core.update(SPANISH)
    client.core.lost("gone", now=0)
    assert client.core.take_notices() == [
        TranslationUpdateEnded(event_id=event_id, reason="gone"),
        TranslationEnded(finalised=False, reason="gone"),
    ]


def test_an_error_that_answers_nothing_is_reported() -> None:
    [notice] = Client(CREATED).receive(error("unknown"))
    assert isinstance(notice, TranslationErrorReported)


# --- the end


def test_the_rest_of_the_translation_comes_between_the_close_and_its_answer() -> None:
    client = Client(CREATED)
    client.core.close(now=0)
    client.core.close(now=1)
    assert client.sent() == [{"type": "session.close"}]
    with pytest.raises(LocalProtocolError, match="being closed"):
        client.core.append(bytes(2))
    assert client.receive(delta("output_transcript", "hola")) == [TranslatedText(text="hola")]
    assert client.receive(CLOSED)[-1] == TranslationEnded(finalised=True, reason="closed as asked")
    assert client.receive(delta("output_transcript", "hola"), CLOSED) == []


def test_a_server_that_says_nothing_after_the_close_is_not_waited_for_without_end() -> None:
    client = Client(CREATED)
    client.core.close(now=0)
    client.now = CLOSE_QUIET_S - 1
    client.receive(delta("output_transcript", "hola"))
    assert client.core.next_tick_at == 2 * CLOSE_QUIET_S - 1, "as long as it goes on, it is waited for"
    client.core.tick(client.core.next_tick_at - 1)
    assert not client.core.is_over
    client.core.tick(client.core.next_tick_at)
    [_, ended] = client.core.take_notices()
    assert ended == TranslationEnded(finalised=False, reason="the server did not finish the translation in time")


def test_a_server_that_never_stops_is_given_up_too() -> None:
    client = Client(CREATED)
    client.core.close(now=0)
    while not client.core.is_over:
        client.now += 1
        client.core.tick(client.now)
        client.receive(delta("output_transcript", "a"))
    assert client.now == 120


def test_a_lost_connection_is_not_finalised_and_says_what_the_server_said_last() -> None:
    client = Client(CREATED)
    client.receive(error(code="session_expired"))
    client.core.append(bytes(2))
    client.core.lost("closed with 1001", now=0)
    [ended] = client.core.take_notices()
    assert isinstance(ended, TranslationEnded)
    assert not ended.finalised
    assert ended.error is not None
    assert ended.error.error.code == "session_expired"
    assert client.core.n_unsent == 0


def test_a_server_may_close_by_itself() -> None:
    assert Client(CREATED).receive(CLOSED) == [TranslationEnded(finalised=True, reason="the server closed the session")]


def test_a_session_that_never_opened_is_closed_without_a_word() -> None:
    client = Client()
    client.core.close(now=0)
    [ended] = client.core.take_notices()
    assert isinstance(ended, TranslationEnded)
    assert (ended.finalised, client.sent()) == (False, [])


# --- any order


FRAMES = st.sampled_from(
    [
        CREATED,
        UPDATED,
        CLOSED,
        error(),
        error("event_1"),
        delta("input_transcript", "a. b", elapsed_ms=3),
        delta("output_transcript", "c", elapsed_ms=None),
        delta("output_audio", "AAAA"),
        delta("output_audio", "AAA="),
        {"type": "x"},
        {},
    ]
)


@given(st.lists(st.one_of(FRAMES, st.sampled_from(["append", "update", "close", "tick", "lost"]))))
def test_no_order_raises_and_every_update_and_session_ends(steps: list[Any]) -> None:
    client = Client()
    notices: list[TranslationNotice] = []
    sent: list[dict[str, Any]] = []
    asked: list[str] = []
    for step in (*steps, "lost"):
        client.now += 1
        try:
            match step:
                case "append":
                    client.core.append(bytes(2))
                case "update":
                    asked.append(client.core.update(SPANISH))
                case "close":
                    client.core.close(now=client.now)
                case "tick":
                    client.core.tick(client.now)
                case "lost":
                    client.core.lost("gone", now=client.now)
                case frame:
                    notices += client.receive(frame)
        except LocalProtocolError:
            assert client.core.state is not TranslationState.OPEN
        notices += client.core.take_notices()
        sent += client.sent()
    ended = [notice for notice in notices if isinstance(notice, TranslationEnded)]
    assert ended == notices[-1:]
    answered = [notice.event_id for notice in notices if isinstance(notice, TranslationUpdateEnded)]
    assert sorted(answered) == sorted(asked)
    kinds = [frame["type"] for frame in sent]
    assert "session.close" not in kinds[:-1], "nothing follows the close"


def test_the_core_and_our_server_understand_each_other() -> None:
    talk, core = Talk(), TranslationCore(new_id=CountedIds())
    heard: list[TranslationNotice] = []

    def hear(events: list[dict[str, Any]]) -> None:
        for event in events:
            core.receive(decode_translation(json.dumps(event)), now=0)
        heard.extend(core.take_notices())
        for sent in core.take_events():
            hear(talk.send_raw(encode_translation(sent).decode()))

    hear(talk.connect())
    core.update(SPANISH)
    hear([])
    hear(talk.speak(600))
    core.close(now=0)
    hear([])
    hear(talk.translates("", "hola.", audio_ms=300))
    assert TranslatedText(text="hola.", elapsed_ms=600) in heard
    assert sum(len(each.audio) for each in heard if isinstance(each, TranslatedAudio)) == 48 * 300
    assert heard[-1] == TranslationEnded(finalised=True, reason="closed as asked")
