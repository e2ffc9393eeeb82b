"""Each network has a codec of its own, and the fields that its question has."""

from __future__ import annotations

import pytest

from duologue.telephony import LegCodec
from duologue.telephony.serving.networks import NETWORKS
from tests.telephony._frames import CODECS


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_speaks_its_protocol(name: str) -> None:
    codec = NETWORKS[name].codec()
    assert isinstance(codec, LegCodec)
    assert type(codec) is CODECS[name]
    assert codec is not NETWORKS[name].codec()
