"""The events of a call in their order."""

from __future__ import annotations

from tests.inspection._calls import SERVER_VAD, Call, barge_in_call, view_of


def test_pieces_of_one_thing_are_one_event_also_where_they_alternate() -> None:
    call = Call()
    call.session(0.5, SERVER_VAD)
    call.creates(1.0, "resp_1")
    for number in range(3):
        call.writes(1.1 + number, "resp_1", "item_1", "a")
        call.says(1.2 + number, "resp_1", "item_1", 100)
        call.speaks(1.2 + number, 1.3 + number)
    call.ends(5.0, "resp_1")
    rows = [(row.by, row.type, row.pieces, row.audio_ms) for row in view_of(call.lines).sequence]
    assert rows == [
        ("server", "session.created", 1, 0),
        ("server", "response.created", 1, 0),
        ("server", "response.output_audio_transcript.delta", 3, 0),
        ("server", "response.output_audio.delta", 3, 300),
        ("client", "input_audio_buffer.append", 3, 300),
        ("server", "response.done", 1, 0),
    ]


def test_events_have_the_ids_of_what_they_are_about() -> None:
    ids = {row.type: row.ids for row in view_of(barge_in_call()).sequence}
    assert ids["response.output_audio.delta"] == ("resp_2", "item_4")
    assert ids["conversation.item.truncate"] == ("item_2",)
    assert ids["response.done"] == ("resp_2",)
