"""Notes of what is heard."""

from __future__ import annotations

from duologue.recording import PlaybackNote
from duologue.recording.playback_notes import PlaybackNotes


def test_a_part_is_noted_when_it_begins_after_each_second_and_at_its_end() -> None:
    noted: list[PlaybackNote] = []
    notes = PlaybackNotes(noted.append)
    for heard_ms in range(20, 2500, 20):
        notes.heard("item_1", 0, heard_ms, False)
    notes.heard("item_2", 3, 20, False)
    notes.heard("item_1", 0, 2500, True)
    assert [(note.item_id, note.content_index, note.heard_ms, note.is_over) for note in noted] == [
        ("item_1", 0, 20, False),
        ("item_1", 0, 1020, False),
        ("item_1", 0, 2020, False),
        ("item_2", 3, 20, False),
        ("item_1", 0, 2500, True),
    ]


def test_parts_that_never_end_are_forgotten() -> None:
    notes = PlaybackNotes(lambda _: None)
    for number in range(1000):
        notes.heard(f"item_{number}", 0, 20, False)
    assert len(notes._heard_ms) <= 256
