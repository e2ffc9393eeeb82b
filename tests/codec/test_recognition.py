"""A log without its URL says by its frames to which family it belongs."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.catalogue import events, examples
from duologue.codec.recognition import FAMILIES, family_of


def frames_of(api: str, *names: str) -> list[dict[str, Any]]:
    found = {entry.wire: examples()[entry.key] for entry in events() if entry.api == api}
    return [found[name] for name in names]


@pytest.mark.parametrize(
    ("api", "names"),
    [
        ("live", ["session.started"]),
        ("live", ["session.start"]),
        ("live", ["session.output_audio.delta", "session.updated"]),
        ("live", ["session.output_transcript.delta", "session.usage.updated"]),
        ("live", ["error"]),
        ("translation", ["session.created"]),
        ("translation", ["session.output_audio.delta", "session.input_audio_buffer.append"]),
        ("realtime", ["session.created"]),
        ("realtime", ["error", "response.output_text.delta"]),
        ("realtime", ["response.create", "response.done"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_the_first_frame_that_only_one_family_has_decides(api: str, names: list[str]) -> None:
    assert family_of(frames_of(api, *names)) == api


def test_former_names_are_realtime() -> None:
    assert family_of([{"type": "response.audio.delta"}]) == "realtime"


@pytest.mark.parametrize("frames", [[], [{}], [{"type": 3}], [{"type": "session.update"}], [{"type": "nonsense"}]])
def test_without_a_sign_it_is_realtime(frames: list[dict[str, Any]]) -> None:
    assert family_of(frames) == "realtime"


def test_no_event_is_taken_for_one_of_another_family() -> None:
    for entry in events():
        guessed = family_of([examples()[entry.key]])
        assert guessed in (entry.api, "realtime"), entry.key
    assert {*FAMILIES, "azure-voice-live"} == {entry.api for entry in events()}  # a dialect of the first family
