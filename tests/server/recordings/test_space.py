from __future__ import annotations

from pathlib import Path

from duologue.server.recordings.space import Space


def test_recordings_of_earlier_runs_count_and_other_files_do_not(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_bytes(bytes(60))
    (tmp_path / "notes.txt").write_bytes(bytes(1000))
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "notes.txt")
    space = Space(str(tmp_path), max_bytes=100)
    assert space.has_room()
    space.add(39)
    assert not space.is_full
    space.add(1)
    assert space.is_full


def test_without_a_limit_there_is_always_room(tmp_path: Path) -> None:
    space = Space(str(tmp_path), max_bytes=None)
    space.add(10**15)
    assert space.has_room()


def test_there_is_room_again_when_files_were_taken_away_and_the_folder_is_not_read_for_each_session(
    tmp_path: Path,
) -> None:
    now = 0.0
    space = Space(str(tmp_path), max_bytes=100, clock=lambda: now)
    (tmp_path / "a.jsonl").write_bytes(bytes(100))
    assert not space.has_room()
    (tmp_path / "a.jsonl").unlink()
    assert not space.has_room()
    now = 61.0
    assert space.has_room()


def test_a_folder_that_is_gone_is_empty(tmp_path: Path) -> None:
    assert Space(str(tmp_path / "gone"), max_bytes=1).has_room()
