from __future__ import annotations

import pytest

from duologue.cli.byte_sizes import bytes_of
from duologue.cli.errors import UsageError


@pytest.mark.parametrize(
    ("size", "n_bytes"), [("10GB", 10**10), ("500 mb", 5 * 10**8), ("1.5k", 1500), ("65536", 65536), ("2T", 2 * 10**12)]
)
def test_a_size_is_read_as_people_write_it(size: str, n_bytes: int) -> None:
    assert bytes_of(size, option="--record-limit") == n_bytes


@pytest.mark.parametrize("size", ["", "GB", "-1", "0", "ten", "1GiB", "9" * 40])
def test_anything_else_is_refused_by_the_option_s_name(size: str) -> None:
    with pytest.raises(UsageError, match=r"--record-limit .*10GB"):
        bytes_of(size, option="--record-limit")
