"""G.711 is bit exact: every sample and every code is what the reference makes of it."""

import hashlib
from array import array

import pytest

from duologue.audio import g711
from duologue.errors import AudioError

EVERY_SAMPLE = array("h", range(-32768, 32768)).tobytes()
EVERY_CODE = bytes(range(256))

LAWS = {
    "ulaw": (g711.pcm16_to_ulaw, g711.ulaw_to_pcm16),
    "alaw": (g711.pcm16_to_alaw, g711.alaw_to_pcm16),
}


SHA256 = {
    "ulaw": (
        "81d633c9e6972a18c74a58720b96cb8ca0bdd096d4060b646dd708c3b846019a",
        "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827",
    ),
    "alaw": (
        "38488f6fd710f4686360edc4d38639f96c491595ef93f8eb8d62d5e07ca6ce7b",
        "e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174",
    ),
}
"""Of every sample compressed and of every code expanded by the reference, the `audioop` of Python 3.12."""


@pytest.mark.parametrize("law", LAWS)
def test_every_sample_and_every_code_is_what_it_is_everywhere(law: str) -> None:
    compress, expand = LAWS[law]
    outcomes = (compress(EVERY_SAMPLE), expand(EVERY_CODE))
    assert tuple(hashlib.sha256(outcome).hexdigest() for outcome in outcomes) == SHA256[law]


@pytest.mark.parametrize("law", LAWS)
def test_a_code_survives_expansion_and_compression(law: str) -> None:
    compress, expand = LAWS[law]
    again = compress(expand(EVERY_CODE))
    # mu-law writes zero in two ways; the negative one comes back as the positive one.
    assert again == (EVERY_CODE.replace(b"\x7f", b"\xff") if law == "ulaw" else EVERY_CODE)


@pytest.mark.parametrize("law", LAWS)
def test_a_louder_sample_never_gets_a_quieter_code(law: str) -> None:
    compress, expand = LAWS[law]
    heard = array("h", expand(compress(EVERY_SAMPLE)))
    assert list(heard) == sorted(heard)


@pytest.mark.parametrize("law", LAWS)
def test_nothing_is_nothing_and_half_a_sample_is_an_error(law: str) -> None:
    compress, expand = LAWS[law]
    assert compress(b"") == expand(b"") == b""
    with pytest.raises(AudioError, match="7 bytes end in half a sample"):
        compress(bytes(7))


def test_tables_hold_one_code_for_each_sample() -> None:
    assert len(g711._ulaw_codes()) == len(g711._alaw_codes()) == 65_536
