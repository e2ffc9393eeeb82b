"""Lists of voices are read in every shape."""

from __future__ import annotations

import msgspec
import pytest

from duologue.engines.remote.voices import voices_in


@pytest.mark.parametrize(
    "content",
    [
        '{"voices":["a","b"]}',
        '["a","b","a"]',
        '{"voices":[{"id":"a","name":"Anna"},{"name":"b"}]}',
        '{"object":"list","data":[{"id":"a","object":"voice"},{"voice":"b"}]}',
        '{"voices":{"en-US":["a"],"de-DE":["b"]}}',
        '{"en-US":{"voices":["a"]},"de-DE":{"voices":["b"]}}',
        '{"voices":["a",7,null,"","b"],"default":"a"}',
    ],
)
def test_names_are_found_in_every_shape(content: str) -> None:
    assert voices_in(content.encode()) == ("a", "b")


@pytest.mark.parametrize("content", [b"", b"<html>", b"7", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_list_has_no_voices(content: bytes) -> None:
    assert voices_in(content) == ()


def test_a_list_without_an_end_is_cut() -> None:
    assert len(voices_in(msgspec.json.encode([f"v{number}" for number in range(5_000)]))) == 2_000
    assert voices_in(msgspec.json.encode(["x" * 201, "y"])) == ("y",)
