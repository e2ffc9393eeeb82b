"""Tests in the listings of pages pass, with the plugin that the package brings along."""

from __future__ import annotations

import pytest

import duologue.testing.served
import duologue.testing.strategies
from tests.examples.test_listings import Listing, listings
from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)

_OUT_HERE = (duologue.testing.served, duologue.testing.strategies)  # so that the inner run does not import them again

TESTS = [
    each
    for each in listings("python")
    if "def test_" in each.text and each.page == "docs/howto/test-what-you-build.md"
]
    listing for listing in listings("python") if "\ndef test_" in listing.text or "async def test_" in listing.text
]


@pytest.mark.parametrize("listing", TESTS, ids=str)
def test_a_test_of_a_page_passes(pytester: pytest.Pytester, listing: Listing) -> None:
    run(pytester, listing.text).assert_outcomes(passed=listing.text.count("def test_"))
