"""`duologue.sound` has what `play` and `listen` take, by its public names."""

from __future__ import annotations

import sys

import duologue
from duologue import sound


def test_every_sink_and_source_is_there_and_nothing_optional_is_imported_for_it() -> None:
    assert duologue.sound is sound
    assert all(getattr(sound, name).__module__.startswith("duologue.client.sound.") for name in sound.__all__)
    assert sorted(sound.__all__) == sound.__all__
    assert sys.modules.get("sounddevice") is None
