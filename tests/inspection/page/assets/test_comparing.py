"""Two calls, one below the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.inspection.page.assets._browser import Opened


def test_figures_and_turns_of_both_stand_side_by_side(open_page: Callable[..., Opened]) -> None:
    opened = open_page("pair")
    figures = dict(
        zip(opened.page.locator("dt").all_inner_texts(), opened.page.locator("dd.more").all_inner_texts(), strict=False)
    )
    assert figures["First heard"] == "other 533–982"
    assert figures["Functions"] == "other 208 (+420)"
    assert figures["Turns"] == "the same"
    assert opened.page.locator(".versus").all_inner_texts() == ["+320", "+860", "+380"]
    assert opened.page.locator(".caption").count() == 2
    assert "demo-2" in opened.text("#other .caption")


def test_what_only_one_of_them_has_is_listed_and_leads_to_its_moment(open_page: Callable[..., Opened]) -> None:
    opened = open_page("pair", height=2200)
    opened.page.select_option("#table-choice", "differences")
    rows = opened.page.locator(".difference-list [role=row][data-index]")
    assert rows.count() == opened.value("page.data.against.differences.length") > 10
    error = rows.filter(has_text="error").first
    assert "this call" in error.inner_text()
    error.click()
    opened.until("page.frames.typeOf(page.view.frame) === 'error'")


def test_both_lanes_show_the_same_stretch_of_time(open_page: Callable[..., Opened]) -> None:
    opened = open_page("pair")
    opened.press("+", "+")
    opened.settle()
    assert opened.value("page.comparison.lanes.seconds(0) + page.comparison.offsetS") == opened.value(
        "page.lanes.seconds(0)"
    )
    opened.page.locator("#other .stage").click(position={"x": 300, "y": 100})
    assert opened.value("page.view.playheadS") == opened.value(
        "page.comparison.lanes.seconds(300) + page.comparison.offsetS"
    )
    # In both the third turn asks the same: from there on the answers lie side by side.
    assert opened.value("page.comparison.call.turnSpan(3)[0] < page.call.turnSpan(3)[0]")


def test_the_lanes_of_the_other_call_have_tables_too(open_page: Callable[..., Opened]) -> None:
    opened = open_page("pair", height=2200)
    for key, length in opened.value(
        "lanesOf(page.comparison.lanes.items).map(({ key }) => [key, page.comparison.lanes.items[key].length])"
    ):
        opened.page.select_option("#table-choice", f"other:{key}")
        assert opened.page.locator(".lane-table [role=row][data-index]").count() == length, key
    opened.page.locator("#other .lane-name", has_text="Tools").click()
    assert "208 ms" in opened.text(".lane-table .row")
    opened.page.select_option("#table-choice", "other:turns")
    opened.page.locator(".turns .row").nth(2).click()
    begin_s = opened.value("page.comparison.call.turnSpan(3)[0]")
    assert opened.value("page.view.playheadS - page.comparison.offsetS") == pytest.approx(begin_s)
    assert opened.page.locator(".versus").count() == 0
