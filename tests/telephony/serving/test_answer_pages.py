"""Answer pages say what each network's documents say, and nothing that a caller wrote can change that."""

from __future__ import annotations

from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.telephony.serving.answer_pages import (
    CallStream,
    WriteAnswer,
    plivo_xml,
    signalwire_xml,
    telnyx_xml,
    twilio_xml,
    vonage_ncco,
)

_URL = "wss://voice.example.com/phone/x"
_STREAM = CallStream(url=_URL, ticket="t", caller="+1 555&<\"'", called="+1999")


def test_pages_connect_the_call_with_the_socket() -> None:
    twilio = ElementTree.fromstring(twilio_xml(CallStream(url=_URL, caller="+1555")).body)
    stream = twilio.find("Connect/Stream")
    assert stream is not None
    assert stream.attrib == {"url": _URL}
    assert [each.attrib for each in stream] == [{"name": "caller", "value": "+1555"}]
    signalwire = ElementTree.fromstring(signalwire_xml(_STREAM).body).find("Connect/Stream")
    assert signalwire is not None
    assert signalwire.attrib == {"url": _URL, "authBearerToken": "t", "realtime": "true"}
    telnyx = ElementTree.fromstring(telnyx_xml(_STREAM).body).find("Connect/Stream")
    assert telnyx is not None
    assert telnyx.attrib == {"url": f"{_URL}/t", "bidirectionalMode": "rtp", "bidirectionalCodec": "PCMU"}
    plivo = ElementTree.fromstring(plivo_xml(_STREAM).body).find("Stream")
    assert plivo is not None
    assert plivo.text == f"{_URL}/t"
    assert plivo.attrib["bidirectional"] == "true"
    (action,) = msgspec.json.decode(vonage_ncco(_STREAM).body)
    (endpoint,) = action["endpoint"]
    assert (endpoint["type"], endpoint["uri"]) == ("websocket", f"{_URL}/t")
    assert endpoint["headers"] == {"caller": _STREAM.caller, "called": _STREAM.called}


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (twilio_xml, b'<Reject reason="busy"/>'),
        (signalwire_xml, b'<Reject reason="busy"/>'),
        (telnyx_xml, b'<Reject reason="busy"/>'),
        (plivo_xml, b'<Hangup reason="busy"/>'),
        (vonage_ncco, b"[]"),
    ],
)
def test_without_a_place_the_caller_hears_that_we_are_busy(write: WriteAnswer, says: bytes) -> None:
    assert says in write(None).body


@settings(max_examples=60)
@given(
    st.text(st.characters(exclude_categories=["C", "Z"]), max_size=128), st.sampled_from([twilio_xml, signalwire_xml])
)
def test_a_callers_number_stays_a_value(number: str, write: WriteAnswer) -> None:
    page = ElementTree.fromstring(write(CallStream(url=_URL, caller=number)).body)
    values = [each.attrib["value"] for each in page.iter("Parameter")]
    assert values == ([number] if number else [])


@pytest.mark.parametrize("write", [twilio_xml, signalwire_xml])
def test_a_number_with_control_characters_or_without_end_leaves_a_page_that_can_be_read(write: WriteAnswer) -> None:
    page = ElementTree.fromstring(write(CallStream(url=_URL, caller="+1\0\x0b\uffff" + "5" * 60_000)).body)
    assert [each.attrib["value"] for each in page.iter("Parameter")] == ["+1" + "5" * 126]
