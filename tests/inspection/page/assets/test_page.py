"""The page as a whole: what it shows at once, and that its panels follow one another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.inspection.page.assets._browser import Opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_in_both_schemes_without_a_request_or_a_complaint(
    open_page: Callable[..., Opened], scheme: str
) -> None:
    opened = open_page(scheme=scheme)
    ground = opened.value("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(15, 18, 21)")
    assert opened.page.title() == "whole.jsonl"
    assert "demo-1" in opened.text("#about")
    figures = dict(
        zip(opened.page.locator("dt").all_inner_texts(), opened.page.locator("dt + dd").all_inner_texts(), strict=True)
    )
    assert figures["Turns"] == "3"
    assert figures["Interruptions"] == figures["Underruns"] == figures["Errors"] == "1"
    assert figures["First heard"] == "853–1,842 ms"
    assert opened.page.locator(".turns .row").count() == 3
    assert "What time is it?" in opened.text(".turns .row")


def test_colours_follow_the_scheme_while_the_page_is_open(opened: Opened) -> None:
    def pixel() -> list[int]:
        x = opened.value("Math.round(page.lanes.x(1.0))")
        y = opened.value("page.lanes.places[1].y + 5")
        colours: list[int] = opened.value(
            "(() => { const copy = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});"
            f" copy.drawImage(page.lanes.canvas, -{x}, -{y});"
            " return [...copy.getImageData(0, 0, 1, 1).data]; })()"
        )
        return colours

    light = pixel()
    opened.page.emulate_media(color_scheme="dark")
    opened.settle()
    assert pixel() != light


def _place(opened: Opened, lane: str, at_s: float) -> tuple[float, float]:
    box = opened.page.locator("#lanes .stage").bounding_box()
    assert box is not None
    x = opened.value(f"page.lanes.x({at_s})")
    place = f"page.lanes.places.find((each) => each.key === '{lane}')"
    y = opened.value(f"{place}.y + {place}.height / 2")
    return box["x"] + x, box["y"] + y


def test_a_click_on_a_lane_selects_the_frame_and_the_turn(opened: Opened) -> None:
    error_s = opened.value("page.call.rows.errors[0].at_s")
    for lane, at_s, type_name, turn in (
        ("user_speech", 1.0, "input_audio_buffer.speech_started", 1),
        ("responses", 3.4, "response.created", 1),
        ("model_audio", 4.0, "response.output_audio.delta", 1),
        ("tools", 8.6, "response.function_call_arguments.done", 2),
        ("events", error_s, "error", 2),
    ):
        opened.page.mouse.click(*_place(opened, lane, at_s))
        opened.until(f"document.querySelector('#detail h2').textContent.includes('{type_name}')")
        assert opened.value("page.frames.typeOf(page.view.frame)") == type_name
        assert opened.value("page.view.turn") == turn
        assert opened.page.locator(".turns .row[aria-selected=true]").get_attribute("data-index") == str(turn - 1)
        assert opened.value("page.view.playheadS") == pytest.approx(at_s, abs=0.03)


def test_a_click_on_a_delay_selects_the_frame_at_its_end(opened: Opened) -> None:
    bracket = opened.value("page.call.lanes.brackets.find((each) => each.kind === 'first_heard')")
    opened.press("j", "z")
    opened.settle()
    x, y = _place(opened, "brackets", bracket["to_s"] - 0.002)
    opened.page.mouse.click(x, y + 5)
    opened.until(f"page.view.frame === {bracket['to_frame']}")


def test_pointing_at_something_tells_what_it_is(opened: Opened) -> None:
    opened.page.mouse.move(*_place(opened, "tools", 8.6))
    opened.until("!page.lanes.tip.hidden")
    assert "look_up_order" in opened.text(".tip")
    opened.page.mouse.move(5, 5)
    opened.until("page.lanes.tip.hidden")


def test_keys_go_from_turn_to_turn_and_from_odd_frame_to_odd_frame(opened: Opened) -> None:
    opened.press("j", "j")
    assert opened.value("page.view.turn") == 2
    opened.press("k")
    assert opened.value("page.view.turn") == 1
    odd = opened.value("[...page.frames.odd.keys()].filter((number) => page.frames.odd[number])")
    opened.press(*"n" * len(odd))
    assert opened.value("page.view.frame") == odd[-1]
    opened.press("n")
    assert opened.text("#said") == "No odd frame from here on"
    opened.press("Shift+N")
    assert opened.value("page.view.frame") == odd[-2]


def test_keys_move_the_playhead_and_zoom(opened: Opened) -> None:
    opened.press("ArrowRight", "ArrowRight", "ArrowLeft", "+")
    assert opened.value("page.view.playheadS") == 1
    whole = opened.value("page.view.durationS")
    assert opened.value("page.view.spanS") == pytest.approx(whole / 2)
    opened.press("-")
    assert opened.value("page.view.spanS") == pytest.approx(whole)
    opened.press("End")
    assert opened.value("page.view.playheadS") == whole
    opened.press("0", "/")
    assert opened.value("document.activeElement.id") == "search"


def test_f_goes_to_the_frame_at_the_playhead(opened: Opened) -> None:
    opened.value("page.seek(2.92)")
    opened.press("f")
    assert opened.value("page.frames.typeOf(page.view.frame)") == "input_audio_buffer.speech_stopped"
    assert opened.value("document.activeElement.getAttribute('aria-label')") == "Frames"


def test_the_lanes_move_and_zoom_with_the_pointer(opened: Opened) -> None:
    x, y = _place(opened, "user_audio", 10)
    opened.page.keyboard.down("Control")
    opened.page.mouse.move(x, y)
    opened.page.mouse.wheel(0, -400)
    opened.page.keyboard.up("Control")
    opened.until("page.view.spanS < 15")
    from_s = opened.value("page.view.fromS")
    opened.page.mouse.move(x, y)
    opened.page.mouse.down()
    opened.page.mouse.move(x + 200, y, steps=4)
    opened.page.mouse.up()
    assert opened.value("page.view.fromS") < from_s
    assert opened.value("page.view.playheadS") == 0  # a drag is no click


def test_the_strip_of_the_whole_call_moves_what_the_lanes_show(open_page: Callable[..., Opened]) -> None:
    opened = open_page("minutes")
    assert opened.value("page.view.spanS") == 60  # of a long call its beginning is shown
    box = opened.page.locator("#minimap").bounding_box()
    assert box is not None
    opened.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 10)
    assert opened.value("page.view.fromS") == pytest.approx(105, abs=2)


def test_the_address_points_at_a_moment_and_an_event(open_page: Callable[..., Opened], opened: Opened) -> None:
    opened.press("n")
    opened.until("location.hash.includes('e=')")
    address = opened.value("location.hash")
    again = open_page(hash=address)
    again.until("page.view.frame >= 0")
    assert again.value("page.frames.typeOf(page.view.frame)") == "error"
    assert again.value("page.view.playheadS") == opened.value("page.view.playheadS")


def test_an_address_that_points_nowhere_is_no_harm(opened: Opened) -> None:
    for address in ("#t=x&e=", "#e=%3Cscript%3E", "#f=99999", "#t=1e99", "#%%%"):
        opened.value(f"void (location.hash = '{address}')")
        opened.settle()
        assert opened.page.locator(".turns .row").count() == 3
    assert opened.value("page.view.frame") == -1


def test_it_can_be_read_on_a_narrow_screen(open_page: Callable[..., Opened]) -> None:
    for width in (900, 360):
        opened = open_page(width=width)
        assert opened.value("document.documentElement.scrollWidth") <= width


def test_of_a_live_session_is_shown_what_it_tells(open_page: Callable[..., Opened]) -> None:
    spoken = open_page("spoken")
    assert spoken.page.locator(".turns .status").all_inner_texts() == ["interrupted", "answered"]
    untold = spoken.page.locator(".figure", has_text="not told").locator("dt").all_inner_texts()
    assert untold == ["End of turn", "Tokens"]
    assert spoken.text(".figure:has-text('Turns') .more").strip() == ""
    closes = spoken.value("page.items.events.filter((each) => each.what === 'closed').map((each) => each.tone)")
    assert closes == ["quiet", "quiet"]
    cut = spoken.value("page.items.model_audio.find((each) => each.shape === 'cut')")
    assert (cut["what"], cut["few"]) == ("fell silent while the user spoke", "the user spoke")
