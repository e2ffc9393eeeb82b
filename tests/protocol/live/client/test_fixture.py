"""A clip is waited for a little longer than it lasts."""

from __future__ import annotations

from math import inf

from duologue.protocol.live.client.fixture import FixturePlayback


def test_the_end_of_a_clip_is_waited_for_from_its_begin() -> None:
    fixture = FixturePlayback()
    fixture.sent("c1", lasts_s=3.0)
    assert fixture.ends_by == inf
    fixture.playing(100.0)
    assert fixture.ends_by == 113.0
    assert fixture.over() == "c1"
    assert (fixture.command_id, fixture.ends_by) == (None, inf)


def test_a_clip_of_another_connection_is_not_waited_for() -> None:
    fixture = FixturePlayback()
    fixture.playing(100.0)
    assert fixture.ends_by == inf


def test_only_the_refusal_of_its_own_command_ends_it() -> None:
    fixture = FixturePlayback()
    fixture.sent("c1", lasts_s=3.0)
    fixture.refused("c2")
    assert fixture.command_id == "c1"
    fixture.refused("c1")
    assert fixture.command_id is None
