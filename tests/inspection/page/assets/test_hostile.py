"""A recording that is made to do harm opens, shows what is in it, and does nothing."""

from __future__ import annotations

from collections.abc import Callable

from tests.inspection.page.assets._browser import Opened


def test_it_opens_and_does_nothing(open_page: Callable[..., Opened]) -> None:
    opened = open_page("hostile")
    assert opened.page.title() == "hostile.jsonl"
    assert opened.value("document.querySelectorAll('img, iframe, object, embed, a[href^=javascript]').length") == 0
    assert opened.value("({}).polluted === undefined && Object.prototype.polluted === undefined")
    assert opened.value("document.scripts.length") == opened.value(
        "document.querySelectorAll('script[type], script[nonce]').length"
    )
    assert "</script><script>" in opened.text(".turns .row")


def test_every_frame_of_it_can_be_looked_at(open_page: Callable[..., Opened]) -> None:
    opened = open_page("hostile")
    for number in opened.value("[...page.frames.odd.keys()].filter((number) => page.frames.odd[number])"):
        opened.value(f"page.goToFrame({number})")
        facts = "document.querySelector('#detail .facts')?.textContent"
        opened.until(f"page.detail.number === {number} && {facts}.endsWith('frame {number}')")
    assert opened.page.title() == "hostile.jsonl"
    opened.value("page.goToFrame(0)")
    assert opened.value("({}).polluted === undefined")


def test_signs_that_turn_the_text_round_are_shown_as_numbers(open_page: Callable[..., Opened]) -> None:
    opened = open_page("hostile")
    turned = (
        "[...document.querySelectorAll('body *:not(script)')].some((each) => each.childElementCount === 0"
        " && /[\\u202a-\\u202e\\u2066-\\u2069]/.test(each.textContent))"
    )
    opened.press("j", "n")
    opened.settle()
    assert not opened.value(turned)
    assert "\\u202e" in opened.text("#about")
    isolated = (
        "[...document.querySelectorAll('.words')].every((each) => getComputedStyle(each).unicodeBidi === 'isolate')"
    )
    assert opened.value(isolated)


def test_a_string_of_a_megabyte_is_shown_in_parts(open_page: Callable[..., Opened]) -> None:
    opened = open_page("hostile")
    opened.press("n", "n")
    opened.until("document.querySelector('#detail h2').textContent.includes('</script><b>')")
    assert opened.value("document.querySelector('#detail').textContent.length") < 5000
    opened.page.get_by_role("button", name="more of 100,026 characters").click()
    assert 12_000 < opened.value("document.querySelector('#detail').textContent.length") < 20_000


def test_what_is_copied_shows_its_unseen_signs(open_page: Callable[..., Opened]) -> None:
    opened = open_page("hostile")
    assert opened.value("python('\\u202e\\u0000a\"')") == '"\\u202e\\u0000a\\""'
    assert (
        opened.value("python({__proto__: null, ['__proto__']: [true, null, 1.5]})")
        == '{"__proto__": [True, None, 1.5]}'
    )
