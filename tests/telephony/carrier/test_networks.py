"""What each network begins and ends a call with."""

from __future__ import annotations

import pytest

from duologue.telephony import CallEnded, CallStarted, LegStatus
from duologue.telephony.carrier import CARRIERS, CallIds, network_named
from tests.telephony._frames import CODECS, FRAMES

_URL = "wss://voice.example.com/phone"


@pytest.mark.parametrize("name", CARRIERS)
def test_a_call_begins_with_frames_that_the_codec_reads(name: str) -> None:
    network, codec = CARRIERS[name], CODECS[name]()
    ids = CallIds(parameters={"customer": "7"})
    events = [codec.decode(codec.write(event)) for event in network.begins(ids, network.encoding)]
    started = events[-1]
    assert isinstance(started, CallStarted)
    assert started.encoding == network.encoding
    if name != "audiosocket":
        assert started.parameters.get("customer") == "7" or name in {"asterisk-plain"}
    assert all(isinstance(each, LegStatus) for each in events[:-1])
    assert len(events) == (2 if FRAMES[name][0] != FRAMES[name][1] and isinstance(events[0], LegStatus) else 1)


@pytest.mark.parametrize("name", CARRIERS)
def test_the_end_of_a_call_is_told_where_the_network_tells_it(name: str) -> None:
    network, codec = CARRIERS[name], CODECS[name]()
    ended = network.ends(CallIds())
    if ended is None:
        assert name.startswith("asterisk")
    else:
        assert isinstance(codec.decode(codec.write(ended)), CallEnded)


def test_an_unknown_protocol_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="no protocol 'pots'; there are twilio, signalwire, telnyx"):
        network_named("pots")
