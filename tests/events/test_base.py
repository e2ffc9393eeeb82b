"""Base64 audio, as the wire carries it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from duologue.events.base import decode_audio, encode_audio


@given(st.binary())
def test_audio_comes_back(audio: bytes) -> None:
    assert decode_audio(encode_audio(audio)) == audio


@given(st.text("AQ=+/-_!\né", max_size=12))
@example("AAAA=")
@example("AAAA====")
@example("AA===")
@example("====")
def test_text_is_base64_where_the_standard_library_says_so(text: str) -> None:
    try:
        expected = base64.b64decode(text, validate=True)
    except ValueError:
        with pytest.raises(ValueError, match=f"not base64 .{len(text)} characters"):
            decode_audio(text)
    else:
        assert decode_audio(text) == expected
