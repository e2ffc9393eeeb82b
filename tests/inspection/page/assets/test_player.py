"""Both sides are played in time."""

from __future__ import annotations

from tests.inspection.page.assets._browser import Opened


def test_space_plays_and_stops(opened: Opened) -> None:
    opened.press(" ")
    opened.until("page.player.context !== null && page.player.context.currentTime > 0.2")
    opened.until("page.view.playheadS > 0.1")
    assert opened.text("#play").endswith("Pause")
    opened.press(" ")
    opened.until("page.player.context.state === 'suspended'")
    at_s = opened.value("page.view.playheadS")
    opened.settle()
    assert opened.value("page.view.playheadS") == at_s


def test_pieces_are_scheduled_where_they_were_heard(opened: Opened) -> None:
    opened.value("page.seek(5)")
    opened.press(" ")
    opened.until("page.player.scheduled.some((each) => each.side === 'user') && page.player.scheduled.length >= 2")
    opened.until("page.view.playheadS > 5.1")
    taken = opened.value("[...page.player.taken]")
    assert "audio-model-0" in taken  # heard while the user begins to speak
    assert "audio-user-1" in taken
    assert "audio-user-2" not in taken  # due in nine seconds
    opened.press(" ")
    assert opened.value("page.player.scheduled.length") == 0


def test_moving_the_playhead_while_it_plays_goes_on_from_there(opened: Opened) -> None:
    opened.press(" ")
    opened.until("page.view.playheadS > 0.05")
    opened.value("page.seek(12)")
    opened.until("page.view.playheadS > 12.05")
    assert opened.value("page.player.isPlaying")


def test_each_side_can_be_muted(opened: Opened) -> None:
    opened.press(" ")
    opened.until("page.player.isPlaying && page.player.context !== null")
    for side, key in (("user", "u"), ("model", "m")):
        opened.press(key)
        assert opened.value(f"page.player.gains.{side}.gain.value") == 0
        assert opened.page.locator(f"#mute-{side}").get_attribute("aria-pressed") == "true"
        opened.page.click(f"#mute-{side}")
        assert opened.value(f"page.player.muted.{side}") is False


def test_it_stops_at_the_end_and_begins_anew(opened: Opened) -> None:
    opened.value("page.seek(page.view.durationS - 0.2)")
    opened.press(" ")
    opened.until("!page.player.isPlaying")
    assert opened.value("page.view.playheadS") == opened.value("page.view.durationS")
    opened.press(" ")
    opened.until("page.player.isPlaying && page.view.playheadS < 5")


def test_g711_is_decoded_by_its_table(opened: Opened) -> None:
    assert opened.value("[MULAW[0xff], MULAW[0x7f]]") == [0, 0]
    assert opened.value("[MULAW[0x00], MULAW[0x80]].map((sample) => Math.round(sample * 32768))") == [-32124, 32124]
    assert opened.value("Math.round(MULAW[0xf0] * 32768)") == 120
