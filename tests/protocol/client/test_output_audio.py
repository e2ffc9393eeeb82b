"""The model's speech: told with its encoding while it is to be played, and not any more after an interruption."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMU
from duologue.events import RealtimeEvent
from duologue.events.base import encode_audio
from duologue.protocol.client.notices import AudioDelta, AudioDone, Unreadable
from duologue.protocol.client.output_audio import ModelSpeech

PLACE = {"item_id": "item_1", "output_index": 0, "content_index": 0}
TELEPHONE = {"output": {"format": {"type": "audio/pcmu"}}}


class Mouth:
    """A model that says what the test wants, and what is told of it."""

    def __init__(self) -> None:
        self.notices: list[Any] = []
        self.speech = ModelSpeech(tell=self.notices.append)

    def told(self, name: str, **fields: Any) -> list[Any]:
        event = RealtimeEvent.from_json({"type": name, "event_id": "e", **fields})
        assert event.type == name
        self.notices.clear()
        self.speech.receive(event)
        return self.notices.copy()

    def begins(self, response_id: str = "resp_1", **fields: Any) -> None:
        assert self.told("response.created", response={"id": response_id, **fields}) == []

    def says(self, n_bytes: int = 480, *, response_id: str = "resp_1", **place: Any) -> list[Any]:
        audio = encode_audio(bytes(n_bytes))
        return self.told("response.output_audio.delta", response_id=response_id, **{**PLACE, **place}, delta=audio)


@pytest.fixture
def mouth() -> Mouth:
    return Mouth()


def test_a_piece_comes_with_its_audio_and_its_place(mouth: Mouth) -> None:
    mouth.begins()
    [piece] = mouth.says(480)
    assert isinstance(piece, AudioDelta)
    assert (piece.response_id, piece.item_id, piece.content_index) == ("resp_1", "item_1", 0)
    assert (piece.audio, piece.encoding) == (bytes(480), PCM)
    assert mouth.told("response.output_audio.done", response_id="resp_1", **PLACE) == [
        AudioDone(item_id="item_1", content_index=0)
    ]


def test_pain_12_the_encoding_is_the_session_s_unless_the_response_asked_for_another(mouth: Mouth) -> None:
    mouth.begins("resp_1", audio=TELEPHONE)
    mouth.begins("resp_2")
    assert [piece.encoding for piece in mouth.says()] == [PCMU]
    assert [piece.encoding for piece in mouth.says(response_id="resp_2", item_id="item_2")] == [PCM]
    session = {"type": "realtime", "object": "realtime.session", "id": "s", "audio": TELEPHONE}
    mouth.told("session.updated", session=session)
    mouth.begins("resp_3")
    assert [piece.encoding for piece in mouth.says(response_id="resp_3", item_id="item_3")] == [PCMU]


def test_pain_04_an_interrupted_response_is_heard_no_more_and_the_next_one_is(mouth: Mouth) -> None:
    mouth.begins()
    mouth.says()
    assert mouth.speech.interrupt("resp_1").cut == (("item_1", 0),)
    assert mouth.says() == []
    assert mouth.says(item_id="item_2") == []
    mouth.told("response.done", response={"id": "resp_1", "status": "cancelled"})
    mouth.begins("resp_2")
    assert len(mouth.says(response_id="resp_2", item_id="item_3")) == 1


def test_audio_that_cannot_be_read_is_told_and_not_played(mouth: Mouth) -> None:
    [told] = mouth.told("response.output_audio.delta", response_id="resp_1", **PLACE, delta="?")
    assert isinstance(told, Unreadable)
    assert mouth.speech.playback.received_bytes("item_1") == 0


def test_what_is_said_of_a_deleted_item_is_not_cut(mouth: Mouth) -> None:
    mouth.says()
    mouth.speech.playback.heard("item_1", n_bytes=480)
    mouth.told("conversation.item.deleted", item_id="item_1")
    assert mouth.speech.interrupt(None).truncate is None


def test_another_session_begins_with_nothing(mouth: Mouth) -> None:
    mouth.begins(audio=TELEPHONE)
    mouth.says()
    mouth.speech.interrupt("resp_1")
    mouth.speech.clear()
    assert [piece.encoding for piece in mouth.says()] == [PCM]
