"""What is read straight from a frame is what the decoder reads; everything else is left to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.codec import append_frames, decode
from duologue.codec.append_frames import HEADS, TEXT_HEADS, audio_in
from duologue.events import InputAudioBufferAppendEvent
from duologue.events.base import decode_audio, encode_audio

COMPACT = '{"type":"input_audio_buffer.append","audio":"AAEC"}'


@given(st.binary(max_size=2000), st.sampled_from(["", " "]))
def test_audio_of_a_bare_append_is_read(audio: bytes, space: str) -> None:
    frame = f'{{"type":{space}"input_audio_buffer.append",{space}"audio":{space}"{encode_audio(audio)}"}}'
    assert audio_in(frame.encode()) == audio
    assert frame.encode().startswith(HEADS)
    assert frame.startswith(TEXT_HEADS)


@pytest.mark.parametrize(
    "frame",
    [
        COMPACT.replace("}", ',"event_id":"e"}'),
        COMPACT.replace("}", ',"more":1}'),
        COMPACT.replace("AAEC", "AAE"),
        COMPACT.replace("AAEC", "AA=C"),
        COMPACT.replace("AAEC", "AAEC===="),
        COMPACT.replace("AAEC", "é"),
        COMPACT.replace("AAEC", "AAEC\\n"),
        COMPACT.replace('"AAEC"', "null"),
        COMPACT[:-1],
        COMPACT + "x",
        '{"type":"input_audio_buffer.append"}',
        '{"type":"input_audio_buffer.append","type":"input_audio_buffer.clear","audio":"AAEC"}',
    ],
)
def test_any_other_frame_is_left_to_the_decoder(frame: str) -> None:
    assert audio_in(frame.encode()) is None


@given(st.text(max_size=20), st.integers(0, len(COMPACT)), st.integers(0, 5))
def test_what_is_read_is_what_the_decoder_reads(inserted: str, at: int, cut: int) -> None:
    frame = COMPACT[:at] + inserted + COMPACT[at + cut :]
    audio = audio_in(frame.encode("utf-8", "surrogatepass"))
    if audio is not None:
        event = decode(frame)
        assert isinstance(event, InputAudioBufferAppendEvent)
        assert event == InputAudioBufferAppendEvent(audio=event.audio)
        assert decode_audio(event.audio) == audio


@pytest.mark.parametrize("layout", [COMPACT, COMPACT.replace(":", ": ").replace(",", ", ")])
@given(st.text('A+/=\\u0041"}, é', max_size=9), st.sampled_from(["", "}", '"}', '","x":"']))
def test_the_fast_reader_changes_nothing(layout: str, inserted: str, behind: str) -> None:
    frame = (layout.replace("AAEC", f"AAEC{inserted}") + behind).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(append_frames, "fast_reader", None)
        expected = audio_in(frame)
    assert audio_in(frame) == expected
