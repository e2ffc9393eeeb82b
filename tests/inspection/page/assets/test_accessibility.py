"""The page for people who use a keyboard, or listen to it: axe, the order of stops, tables in place of canvases."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.inspection.page.assets._browser import Opened

_AXE: Final = Path(sys.prefix) / "npm" / "node_modules" / "axe-core" / "axe.min.js"


def _violations(opened: Opened) -> list[str]:
    if not _AXE.is_file():
        pytest.skip("axe-core is not installed: make test installs it")
    opened.value(_AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = opened.value(
        "axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations)"
    )
    return [f"{each['id']}: {node['html'][:200]}: {node['failureSummary']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page: Callable[..., Opened], scheme: str) -> None:
    opened = open_page(scheme=scheme)
    opened.press("j")
    opened.value("page.goToFrame(1)")  # session.update: asked and got
    opened.until("document.querySelector('#detail .difference') !== null")
    assert _violations(opened) == []
    opened.page.select_option("#table-choice", "events")
    opened.press("?")
    assert _violations(opened) == []


def test_axe_finds_nothing_on_a_narrow_page_with_two_calls(open_page: Callable[..., Opened]) -> None:
    opened = open_page("pair", width=480)
    opened.press("n")
    opened.until("document.querySelector('#detail .tree') !== null")
    assert _violations(opened) == []


def test_axe_looks_at_contrast(opened: Opened) -> None:
    """What finds nothing must be able to find something."""
    opened.value("document.documentElement.style.setProperty('--muted', '#cccccc')")
    assert any(each.startswith("color-contrast") for each in _violations(opened))


def _stop(opened: Opened) -> str:
    """What has the focus, in a word."""
    stop: str = opened.value(
        "(() => { const at = document.activeElement;"
        " return at.id || at.getAttribute('aria-label') || at.className; })()"
    )
    return stop


def test_the_tab_key_reaches_everything_and_shows_where_it_is(opened: Opened) -> None:
    stops: list[str] = []
    unseen: list[str] = []
    for _ in range(80):
        opened.press("Tab")
        stop = _stop(opened)
        if stop == "" or (stops and stop == stops[0]):
            break
        stops.append(stop)
        is_shown = opened.value(
            "(() => { const at = document.activeElement, own = getComputedStyle(at);"
            " const around = getComputedStyle(at.parentElement, '::after');"
            " return own.outlineStyle !== 'none' || around.borderTopStyle === 'solid'; })()"
        )
        if not is_shown:
            unseen.append(stop)
    assert unseen == []
    wanted = ["help-button", "play", "zoom-in", "zoom-all", "Playhead, over the lanes", "mute-user", "mute-model"]
    assert [each for each in wanted if each not in stops] == []
    wanted = ["table-choice", "Turns", "search", "Frames", "The call"]
    assert [each for each in wanted if each not in stops] == []
    assert stops.count("lane-name") == 10
    assert sum(stop.startswith("chip") for stop in stops) == opened.page.locator(".chip").count()


def test_lists_are_one_stop_with_arrows_inside(opened: Opened) -> None:
    opened.page.focus("[role=grid][aria-label=Turns]")
    opened.press("ArrowDown", "ArrowDown")
    assert opened.value("page.view.turn") == 2
    opened.press("End")
    assert opened.value("page.view.turn") == 3
    active = opened.value("document.activeElement.getAttribute('aria-activedescendant')")
    assert opened.page.locator(f"#{active}").get_attribute("aria-selected") == "true"
    opened.page.focus("[role=grid][aria-label=Frames]")
    opened.press("Home", "ArrowDown")
    assert opened.value("page.frames.typeOf(page.view.frame)") == "session.update"


def test_every_lane_has_a_table_with_what_it_shows(opened: Opened) -> None:
    for key, length in opened.value("lanesOf(page.items).map(({ key }) => [key, page.items[key].length])"):
        opened.page.select_option("#table-choice", key)
        rows = opened.page.locator(".lane-table [role=row][data-index]")
        assert rows.count() == length, key
        assert opened.page.locator(".lane-table").get_attribute("aria-rowcount") == str(length + 1)
    opened.page.select_option("#table-choice", "responses")
    assert "refused" in opened.page.locator(".lane-table").inner_text()


def test_the_name_of_a_lane_opens_its_table(opened: Opened) -> None:
    opened.page.get_by_role("button", name="Tools").click()
    assert "look_up_order" in opened.text(".lane-table .row")
    opened.page.locator(".lane-table .row").click()
    opened.until("page.view.frame >= 0")
    assert opened.value("page.frames.typeOf(page.view.frame)") == "response.function_call_arguments.done"


def test_the_lanes_are_a_slider_that_says_where_the_playhead_is(opened: Opened) -> None:
    slider = opened.page.get_by_role("slider")
    slider.focus()
    opened.press("ArrowRight", "ArrowRight", "Shift+ArrowRight")
    opened.until("page.lanes.stage.getAttribute('aria-valuenow') === '2.1'")
    assert slider.get_attribute("aria-valuetext") == "0:02.100, turn 1"
    opened.press("End")
    opened.until("Number(page.lanes.stage.getAttribute('aria-valuenow')) > 19")


def test_single_keys_can_be_switched_off(opened: Opened) -> None:
    opened.press("?")
    opened.page.get_by_label("Letters and signs act without a modifier").uncheck()
    opened.press("Escape")
    opened.page.locator("#help").wait_for(state="hidden")  # the browser closes a dialog a moment after the key
    opened.press("n")
    assert opened.value("page.view.frame") == -1
    opened.press("ArrowRight")
    assert opened.value("page.view.playheadS") == 1
