from __future__ import annotations

import pytest

from duologue.server.networks import network_of


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
        ("1.2.3.4\n\x1b[31m", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_client_is_counted_by_its_address_or_its_network(host: str | None, network: str) -> None:
    assert network_of(host) == network
