"""What a response is known by."""

from __future__ import annotations

import pytest

from duologue.events import UNSET, RealtimeResponse
from duologue.protocol.client.response_ids import response_id_of


@pytest.mark.parametrize(("identifier", "known_by"), [("r", "r"), (None, ""), (UNSET, "")])
def test_a_response_is_known_by_its_id_and_one_without_an_id_by_nothing(identifier: str | None, known_by: str) -> None:
    assert response_id_of(RealtimeResponse(id=identifier)) == known_by
