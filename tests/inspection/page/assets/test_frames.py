"""The list of frames, and what is told of one."""

from __future__ import annotations

from collections.abc import Callable

from tests.inspection.page.assets._browser import Opened


def _search(opened: Opened, term: str) -> None:
    opened.page.fill("#search", term)
    opened.until(
        f"document.querySelector('#frames .told').textContent.endsWith('for “{term}”') && page.framesPanel.isDone"
    )


def _types(opened: Opened) -> list[str]:
    types: list[str] = opened.value("[...page.framesPanel.visible].map((number) => page.frames.typeOf(number))")
    return types


def test_searching_looks_in_types_ids_and_content(opened: Opened) -> None:
    _search(opened, "error")
    assert opened.text("#frames .told") == "1 row for “error”"
    assert _types(opened) == ["error"]
    _search(opened, "marin")
    assert _types(opened) == ["session.created", "session.updated"]
    _search(opened, "item_0003")
    assert "input_audio_buffer.speech_started" in _types(opened)
    _search(opened, "nothing like it")
    assert opened.text("#frames .told") == "0 rows for “nothing like it”"
    opened.press("Escape")
    assert len(_types(opened)) > 50


def test_runs_of_audio_are_folded_and_unfold(opened: Opened) -> None:
    folded = len(_types(opened))
    row = opened.page.locator(".frame-list .row", has=opened.page.locator(".fold")).first
    pieces = int(row.locator(".fold").inner_text().split()[1])
    row.locator(".fold").click()
    assert len(_types(opened)) == folded + pieces - 1
    opened.page.focus("[role=grid][aria-label=Frames]")
    opened.press("Enter")
    assert len(_types(opened)) == folded


def test_chips_show_a_family_a_direction_or_what_is_odd(opened: Opened) -> None:
    chips = opened.page.locator(".chip")
    chips.filter(has_text="session").click()
    assert _types(opened) == ["session.created", "session.update", "session.updated"]
    chips.filter(has_text="client").click()
    assert _types(opened) == ["session.update"]
    chips.filter(has_text="session").click()
    chips.filter(has_text="client").click()
    chips.filter(has_text="odd").click()
    assert set(_types(opened)) >= {"error", "vendor.telemetry"}


def test_only_rows_in_sight_are_in_the_page(open_page: Callable[..., Opened]) -> None:
    opened = open_page("minutes")
    assert len(_types(opened)) > 500
    assert opened.page.locator(".frame-list .row").count() < 80
    opened.page.focus("[role=grid][aria-label=Frames]")
    opened.press("End")
    opened.until("page.view.frame === page.framesPanel.visible[page.framesPanel.visible.length - 1]")
    assert opened.page.locator(".frame-list .row").count() < 80


def test_a_setting_that_came_otherwise_than_asked_is_shown(opened: Opened) -> None:
    opened.page.locator(".frame-list .row").nth(1).click()
    opened.until("document.querySelector('#detail .difference') !== null")
    told = opened.text("#detail .difference summary")
    assert told == "2 settings of 13 not as asked"
    rows = opened.page.locator("#detail .difference").first.locator("tbody tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["audio.output.voice", "cedar", "marin"],
        ["audio.output.speed", "1.1", "1"],
    ]
    opened.page.get_by_role("button", name="session.updated").click()
    opened.until("page.view.frame === 2 && document.querySelector('#detail h2').textContent === 'session.updated'")
    assert opened.text("#detail .difference summary") == told


def test_an_error_leads_to_what_caused_it(opened: Opened) -> None:
    opened.press("n")
    opened.until("document.querySelector('#detail h2').textContent.includes('error')")
    assert "answers" in opened.text(".partners")
    opened.page.locator(".partners .link").first.click()
    opened.until("document.querySelector('#detail h2').textContent === 'response.create'")


def test_a_frame_is_copied_for_a_test(opened: Opened) -> None:
    opened.value("void (navigator.clipboard.writeText = async (text) => { window.copied = text; })")
    for frame, at_s, button, copied in (
        ("session.updated", 0.025, "Send(…)", 'Send({\n    "type": "session.updated",\n'),
        ("session.update", 0.025, "Expect(…)", 'Expect("session.update")'),
        ("error", 9.8, "JSON", '{"type":"error"'),
        ("error", 9.8, "assert_order(…)", 'assert_order(\n    call,\n    "input_audio_buffer.speech_started",\n'),
    ):
        opened.value(f"page.goToFrame(page.frames.near({at_s}, /^{frame}$/))")
        opened.until(f"document.querySelector('#detail h2').textContent.replace('! ', '') === '{frame}'")
        opened.page.get_by_role("button", name=button, exact=True).click()
        opened.until("window.copied !== undefined")
        text: str = opened.value("(() => { const text = window.copied; delete window.copied; return text; })()")
        assert text.startswith(copied)
        if button != "JSON":
            compile(text, "pasted", "exec")


def test_filters_give_way_to_a_frame_that_is_selected_elsewhere(opened: Opened) -> None:
    opened.page.locator(".chip").filter(has_text="session").click()
    opened.press("n")
    opened.until("page.frames.typeOf(page.view.frame) === 'error'")
    assert "error" in opened.text(".frame-list .row[aria-selected=true]")


def test_of_a_type_that_has_no_room_the_end_is_seen(opened: Opened) -> None:
    row = "[...document.querySelectorAll('.frame-list .name')].find((each) => each.scrollWidth > each.clientWidth)"
    opened.value(f"window.cutName = {row}, null")
    words, room = opened.value("[cutName.firstChild, cutName].map((each) => each.getBoundingClientRect().right)")
    assert abs(words - room) < 1


def test_sizes_have_three_digits_at_the_least_and_fit(opened: Opened) -> None:
    sizes = [999, 1000, 99_940, 99_960, 110_000, 999_400, 999_600, 12_345_678, 99_960_000, 555_000_000]
    told = opened.value(f"{sizes}.map(size)")
    assert told == [
        "999 B", "1.0 kB", "99.9 kB", "100 kB", "110 kB", "999 kB", "1.0 MB", "12.3 MB", "100 MB", "555 MB",
    ]  # fmt: skip
    assert opened.value(
        "[...document.querySelectorAll('.frame-list .row .cell:last-child')]"
        ".every((each) => { each.textContent = '99.9 MB'; return each.scrollWidth <= each.clientWidth; })"
    )
