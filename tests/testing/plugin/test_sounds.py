"""The fixtures for sound."""

from __future__ import annotations

import pytest

from duologue.testing import sounds
from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)


def test_the_fixtures_are_the_functions(pytester: pytest.Pytester) -> None:
    code = """
    from duologue.testing import sounds

    def test_a(realtime_audio, silence, tone, noise):
        assert (realtime_audio, silence, tone, noise) == (sounds.clip, sounds.silence, sounds.tone, sounds.noise)
    """
    run(pytester, code).assert_outcomes(passed=1)
    assert sounds.silence(1) == bytes(48)
