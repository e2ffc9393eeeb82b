"""Wire formats: bytes and milliseconds agree exactly, and the type string decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import ENCODINGS, PCM, PCMA, PCMU, Encoding
from duologue.errors import AudioError

encodings = st.one_of(
    st.sampled_from(list(ENCODINGS.values())),
    st.integers(1_000, 200_000).map(lambda rate_hz: Encoding.of("audio/pcm", rate_hz)),
)


@pytest.mark.parametrize(
    ("encoding", "ms", "n_bytes"), [(PCM, 100, 4_800), (PCM, 1, 48), (PCMU, 20, 160), (PCMA, 1_000, 8_000), (PCM, 0, 0)]
)
def test_a_span_of_time_is_a_number_of_bytes(encoding: Encoding, ms: int, n_bytes: int) -> None:
    assert encoding.bytes_for_ms(ms) == n_bytes
    assert encoding.duration_ms(n_bytes) == ms


@given(encodings, st.integers(0, 10_000_000))
def test_milliseconds_survive_the_way_through_bytes(encoding: Encoding, ms: int) -> None:
    assert encoding.duration_ms(encoding.bytes_for_ms(ms)) == ms


@given(encodings, st.integers(0, 10_000_000))
def test_bytes_for_ms_are_whole_samples(encoding: Encoding, ms: int) -> None:
    assert encoding.bytes_for_ms(ms) % encoding.bytes_per_sample == 0


def test_an_incomplete_millisecond_does_not_count() -> None:
    assert PCM.duration_ms(47) == 0
    assert PCM.duration_ms(95) == 1


def test_the_rate_of_pcm_may_differ_from_its_default() -> None:
    assert Encoding.of("audio/pcm", 16_000).bytes_per_s == 32_000
    assert Encoding.of("audio/pcm") is PCM
    assert Encoding.of("audio/pcmu", 8_000) is PCMU


@pytest.mark.parametrize(
    ("type", "rate_hz", "sentence"),
    [
        ("audio/opus", None, "unknown audio format 'audio/opus'; known: audio/pcm, audio/pcmu, audio/pcma"),
        ("audio/pcma", 16_000, "audio/pcma is always 8000 Hz, not 16000 Hz"),
        ("audio/pcm", 0, "a sample rate is positive, not 0 Hz"),
    ],
)
def test_what_the_wire_cannot_mean_is_an_audio_error(type: str, rate_hz: int | None, sentence: str) -> None:
    with pytest.raises(AudioError) as caught:
        Encoding.of(type, rate_hz)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("encoding", ENCODINGS.values())
def test_every_encoding_decodes_to_two_bytes_a_sample(encoding: Encoding) -> None:
    data = bytes(encoding.bytes_for_ms(20))
    pcm16 = encoding.to_pcm16(data)
    assert len(pcm16) == 2 * len(data) // encoding.bytes_per_sample
    assert len(encoding.from_pcm16(pcm16)) == len(data)


@pytest.mark.parametrize("encoding", ENCODINGS.values())
def test_half_a_sample_is_an_audio_error(encoding: Encoding) -> None:
    with pytest.raises(AudioError, match="end in half a sample"):
        encoding.from_pcm16(b"\0\0\0")
