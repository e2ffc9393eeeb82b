from __future__ import annotations

import re

from duologue.server.ids import ids_of_worker, kind_in_worker, new_id, worker_of


def test_ids_name_their_kind_and_never_meet() -> None:
    ids = {new_id("item") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"item_[A-Za-z0-9]{21}", each) for each in ids)


def test_ids_that_are_asked_for_again_name_their_worker_and_others_do_not() -> None:
    make = ids_of_worker(new_id, 12)
    assert worker_of(make("live")) == 12
    assert worker_of(f"{kind_in_worker('rtc', 3)}_00ff") == 3
    others = [make("item"), new_id("live"), "rtc_00ff", "rtc_w3", "rtc_w3x_00ff", "_w3_", "rtc_w9999999999_0", ""]
    assert [worker_of(each) for each in others] == [None] * len(others)
