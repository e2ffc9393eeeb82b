from __future__ import annotations

import msgspec
import pytest

from duologue.server.limits import Limits
from duologue.server.workers.worker_limits import limits_of_worker


@pytest.mark.parametrize("workers", [1, 2, 3, 8, 512])
def test_all_workers_together_hold_what_was_set_and_hardly_more(workers: int) -> None:
    whole = Limits()
    part = limits_of_worker(whole, workers)
    divided = {
        name: (getattr(whole, name), getattr(part, name))
        for name in Limits.__struct_fields__
        if getattr(whole, name) != getattr(part, name)
    }
    assert all(before <= after * workers for before, after in divided.values())
    assert part.max_memory_bytes == -(-whole.max_memory_bytes // workers)
    assert min(part.max_unread_bytes or 0, part.max_unread_bytes_per_owner or 0) >= 2 * whole.frame_bytes


def test_what_the_parent_counts_and_what_has_no_limit_stays() -> None:
    whole = msgspec.structs.replace(Limits(), max_connections_per_address=None, max_unread_bytes=None, sessions=7)
    part = limits_of_worker(whole, 4)
    assert (part.max_connections_per_address, part.max_unread_bytes, part.sessions) == (None, None, 7)
    assert (part.client_secrets, part.max_client_secret_bytes) == (whole.client_secrets, whole.max_client_secret_bytes)
    assert limits_of_worker(whole, 1) == whole
