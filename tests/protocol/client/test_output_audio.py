"""The model's speech: reported with its encoding while it is to be played, and no longer after an interruption."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMU
from duologue.events.base import encode_audio
from duologue.protocol.client.notices import AudioDelta, AudioDone, Unreadable
from duologue.protocol.client.output_audio import OutputAudio
from tests.protocol._wire import server_event

PLACE = {"item_id": "item_1", "output_index": 0, "content_index": 0}
TELEPHONE = {"output": {"format": {"type": "audio/pcmu"}}}


class OutputAudioDriver:
    """The output audio, and the notices about it."""

    def __init__(self) -> None:
        self.notices: list[Any] = []
        self.output_audio = OutputAudio(notify=self.notices.append)

    def receive(self, name: str, **fields: Any) -> list[Any]:
        self.notices.clear()
        self.output_audio.receive(server_event(name, **fields))
        return self.notices.copy()

    def response_created(self, response_id: str = "resp_1", **fields: Any) -> None:
        assert self.receive("response.created", response={"id": response_id, **fields}) == []

    def audio_delta(self, n_bytes: int = 480, *, response_id: str = "resp_1", **place: Any) -> list[Any]:
        audio = encode_audio(bytes(n_bytes))
        return self.receive("response.output_audio.delta", response_id=response_id, **{**PLACE, **place}, delta=audio)


@pytest.fixture
def driver() -> OutputAudioDriver:
    return OutputAudioDriver()


def test_a_piece_comes_with_its_audio_and_its_place(driver: OutputAudioDriver) -> None:
    driver.response_created()
    [piece] = driver.audio_delta(480)
    assert isinstance(piece, AudioDelta)
    assert (piece.response_id, piece.item_id, piece.content_index) == ("resp_1", "item_1", 0)
    assert (piece.audio, piece.encoding) == (bytes(480), PCM)
    assert driver.receive("response.output_audio.done", response_id="resp_1", **PLACE) == [
        AudioDone(item_id="item_1", content_index=0)
    ]


def test_pain_12_the_encoding_is_the_session_s_unless_the_response_asked_for_another(driver: OutputAudioDriver) -> None:
    driver.response_created("resp_1", audio=TELEPHONE)
    driver.response_created("resp_2")
    assert [piece.encoding for piece in driver.audio_delta()] == [PCMU]
    assert [piece.encoding for piece in driver.audio_delta(response_id="resp_2", item_id="item_2")] == [PCM]
    session = {"type": "realtime", "object": "realtime.session", "id": "s", "audio": TELEPHONE}
    driver.receive("session.updated", session=session)
    driver.response_created("resp_3")
    assert [piece.encoding for piece in driver.audio_delta(response_id="resp_3", item_id="item_3")] == [PCMU]


def test_pain_04_an_interrupted_response_is_played_no_more_and_the_next_one_is(driver: OutputAudioDriver) -> None:
    driver.response_created()
    driver.audio_delta()
    assert driver.output_audio.interrupt("resp_1").cut == (("item_1", 0),)
    assert driver.audio_delta() == []
    assert driver.audio_delta(item_id="item_2") == []
    driver.receive("response.done", response={"id": "resp_1", "status": "cancelled"})
    driver.response_created("resp_2")
    assert len(driver.audio_delta(response_id="resp_2", item_id="item_3")) == 1


def test_audio_that_cannot_be_decoded_is_reported_and_not_played(driver: OutputAudioDriver) -> None:
    [notice] = driver.receive("response.output_audio.delta", response_id="resp_1", **PLACE, delta="?")
    assert isinstance(notice, Unreadable)
    assert not driver.output_audio.playback.playing


def test_a_deleted_item_is_not_truncated(driver: OutputAudioDriver) -> None:
    driver.audio_delta()
    driver.output_audio.playback.played("item_1", n_bytes=480)
    driver.receive("conversation.item.deleted", item_id="item_1")
    assert driver.output_audio.interrupt(None).truncate is None


def test_another_session_begins_with_nothing(driver: OutputAudioDriver) -> None:
    driver.response_created(audio=TELEPHONE)
    driver.audio_delta()
    driver.output_audio.interrupt("resp_1")
    driver.output_audio.clear()
    assert [piece.encoding for piece in driver.audio_delta()] == [PCM]
