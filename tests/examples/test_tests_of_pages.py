"""Tests in the listings of pages pass, with the plugin that the package brings along."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.examples.test_listings import Listing, listings
from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)


PAGES = {"docs/howto/break-it-on-purpose.md", "docs/howto/test-what-you-build.md", "docs/howto/virtual-time.md"}

TESTS = [each for each in listings("python") if each.page in PAGES and "def test_" in each.text]


@pytest.fixture(autouse=True)
def few_examples() -> Generator[None, None, None]:
    """That they run is what is tested here."""
    before = settings.get_current_profile_name()
    settings.register_profile("few", max_examples=5, deadline=None, database=None)
    settings.load_profile("few")
    yield
    settings.load_profile(before)


@pytest.mark.parametrize("listing", TESTS, ids=str)
def test_a_test_of_a_page_passes(pytester: pytest.Pytester, listing: Listing) -> None:
    run(pytester, listing.text).assert_outcomes(passed=listing.text.count("def test_"))
