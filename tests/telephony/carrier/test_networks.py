"""What each network begins and ends a call with."""

from __future__ import annotations

import pytest

from duologue.errors import SignatureRejected
from duologue.telephony import CallEnded, CallStarted, LegStatus
from duologue.telephony.carrier import NETWORKS, CallIds, network_named
from duologue.telephony.signatures import verify_plivo, verify_token, verify_twilio
from tests.telephony._frames import CODECS, FRAMES

_URL = "wss://voice.example.com/phone"


@pytest.mark.parametrize("name", NETWORKS)
def test_a_call_begins_with_frames_that_the_codec_reads(name: str) -> None:
    network, codec = NETWORKS[name], CODECS[name]()
    ids = CallIds(parameters={"customer": "7"})
    events = [codec.decode(codec.write(event)) for event in network.begins(ids, network.encoding)]
    started = events[-1]
    assert isinstance(started, CallStarted)
    assert started.encoding == network.encoding
    if name != "audiosocket":
        assert started.parameters.get("customer") == "7" or name in {"asterisk-plain"}
    assert all(isinstance(each, LegStatus) for each in events[:-1])
    assert len(events) == (2 if FRAMES[name][0] != FRAMES[name][1] and isinstance(events[0], LegStatus) else 1)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_end_of_a_call_is_told_where_the_network_tells_it(name: str) -> None:
    network, codec = NETWORKS[name], CODECS[name]()
    ended = network.ends(CallIds())
    if ended is None:
        assert name.startswith("asterisk")
    else:
        assert isinstance(codec.decode(codec.write(ended)), CallEnded)


def test_handshakes_are_signed_as_ours_are_checked() -> None:
    verify_twilio(network_named("twilio").handshake(_URL, "secret"), secret="secret", url=_URL)
    verify_plivo(network_named("plivo").handshake(_URL, "secret"), secret="secret", method="GET", url=_URL)
    verify_token(network_named("telnyx").handshake(_URL, "t")["x-telnyx-streaming-auth-token"], secret="t")
    verify_token(network_named("signalwire").handshake(_URL, "t")["Authorization"], secret="t")
    with pytest.raises(SignatureRejected):
        verify_twilio(network_named("twilio").handshake(_URL, "other"), secret="secret", url=_URL)


def test_an_unknown_protocol_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="no protocol 'pots'; there are twilio, signalwire, telnyx"):
        network_named("pots")
