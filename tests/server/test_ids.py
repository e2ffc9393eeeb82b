from __future__ import annotations

import re

from duologue.server.ids import new_id


def test_ids_name_their_kind_and_never_meet() -> None:
    ids = {new_id("item") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"item_[A-Za-z0-9]{21}", each) for each in ids)
