"""A session in memory for every test of the protocol."""

from __future__ import annotations

import pytest

from duologue.testing import Pair


@pytest.fixture
def pair() -> Pair:
    """A connected session, its `session.created` received."""
    pair = Pair()
    pair.connect()
    return pair
