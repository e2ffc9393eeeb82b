"""Transcription of English by Moonshine, on weights that arrive inside a package."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from pathlib import Path

from duologue.audio.extras import needs
from duologue.audio.samples import whole_samples
from duologue.engines.speech.moonshine_weights import open_repacked
from duologue.engines.speech.onnx import Array, Session, open_session, runtime
from duologue.engines.speech.weights import MOONSHINE_BASE, MOONSHINE_TINY, Weights
from duologue.engines.worker import Worker
from duologue.errors import MissingExtra

with needs("speech"):
    import numpy as np

__all__ = ["MoonshineTranscriber"]

_RATE_HZ = 16_000
_BEGIN, _END = 1, 2
_FIRST_WORD_PIECE = 3  # below are the special tokens: unknown, begin, end

_MIN_SAMPLES = _RATE_HZ // 10  # the first layers need this much to give one frame
_MAX_SAMPLES = 20 * _RATE_HZ  # the model was trained on up to 30 s; near that end it skips words
_QUIET_SAMPLES = _RATE_HZ // 10  # a gap between words is seldom shorter

# The transcript depends on the silence around the words: with 0.3 s before and 0.5 s behind 3 % of the
# words of a clean reading are wrong, and none with padding as short as this. With less behind the words the model
# ends sentences that go on.
_LEAD_SAMPLES, _TAIL_SAMPLES = _RATE_HZ // 10, _RATE_HZ // 5
_FRAME_SAMPLES = _RATE_HZ // 100
_QUIET_RATIO = 0.01  # 40 dB below the loud parts of speech: fainter than its faintest sounds

# Fast English runs at 6 pieces a second. What goes on for longer is a loop, not speech.
_MAX_PIECES_PER_S = 6.5

# Mean log-probability per piece. Speech lies above -0.3 when clean and about -0.5 in a babble of voices; the tiny
# model's "You" on silence lies at -1. Few words give a poor mean, so a longer text is believed below the line too.
_DOUBTFUL = -0.8
_FEW_WORDS = 3

_OLD_SPELLINGS = {"to-day": "today", "to-morrow": "tomorrow", "to-night": "tonight"}
"""What the audio books in the training data taught the model, and how it is written now."""
_OLD_SPELLING = re.compile("|".join(_OLD_SPELLINGS), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Carrier:
    weights: Weights
    label: str
    repack: bool
    phantoms: tuple[str, ...] = ()
    """Words that this model writes for audio without speech, at times with high probability."""


_CARRIERS = (
    _Carrier(MOONSHINE_BASE, "base-en", repack=True),
    _Carrier(MOONSHINE_TINY, "tiny-en", repack=False, phantoms=("you",)),
)
"""Best first: the first whose package is installed is used. Which can be installed depends on the platform."""


class MoonshineTranscriber:
    """Turns utterances into English text.

    An utterance is decoded as a whole, about 50 ms per second of speech, and its words are given out after that:
    whether there was speech at all shows in the whole, and a word that was given out cannot be taken back. Longer
    speech than 20 s is cut where it is quiet, and each part is given out when it is ready.
    """

    sample_rate_hz: int = _RATE_HZ
    languages: tuple[str, ...] = ("en",)
    repeatable: bool = True
    name: str

    def __init__(self, worker: Worker) -> None:
        """Blocks while it loads: seconds at the first start, which re-packs the weights.

        Raises:
            MissingExtra: no carrier of weights is installed.
            EngineError: a weight file is not the pinned one.
        """
        carrier = next((carrier for carrier in _CARRIERS if carrier.weights.path is not None), None)
        if carrier is None:
            raise MissingExtra(MOONSHINE_BASE.requirement, extra="speech")
        self.name = f"moonshine-{carrier.label}"
        self._phantoms = carrier.phantoms
        self._worker = worker
        files = carrier.weights.verified()
        self._encoder = _open(carrier, files, "encoder_model.ort")
        self._decoder = _open(carrier, files, "decoder_model_merged.ort")
        self._pieces = _read_pieces(files["tokenizer.bin"].read_bytes())
        self._encoder_masked = "attention_mask" in _inputs(self._encoder)
        decoder_inputs = _inputs(self._decoder)
        self._decoder_masked = "encoder_attention_mask" in decoder_inputs
        self._memories = [name for name in decoder_inputs if name.startswith("past")]
        _, self._heads, _, self._width = decoder_inputs[self._memories[0]]
        self._outputs = [output.name for output in self._decoder.get_outputs()]

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str, None]:
        """Words of the transcript, each with the space before it; `language` and `prompt` change nothing.

        Audio without speech yields nothing. Cancelled: the part of up to 20 s that is being decoded is finished in
        its thread and dropped.

        Raises:
            AudioError: an odd number of bytes.
            EngineError: the worker is overloaded or closed.
        """
        del language, prompt
        separator = ""
        async for text in self._worker.stream(self._texts, whole_samples(pcm16)):
            for word in text.split():
                yield separator + word
                separator = " "

    def _texts(self, pcm16: bytes) -> Generator[str, None, None]:
        """Texts of the parts of an utterance. Computes: blocks."""
        samples = np.frombuffer(pcm16, "<i2").astype(np.float32) / 32768
        while len(samples):
            cut = len(samples) if len(samples) <= _MAX_SAMPLES else _quiet_place(samples[:_MAX_SAMPLES])
            yield self._text(_without_quiet_ends(samples[:cut]))
            samples = samples[cut:]

    def _text(self, samples: Array) -> str:
        ids, confidence = self._decode(samples)
        spelled = b"".join(self._pieces[id] for id in ids if id >= _FIRST_WORD_PIECE)
        text = spelled.decode("utf-8", "replace").replace("▁", " ").strip()
        if not any(map(str.isalnum, text)) or text.strip(".!?,").lower() in self._phantoms:
            return ""  # notes of music, or a phantom
        if confidence < _DOUBTFUL and len(text.split()) <= _FEW_WORDS:
            return ""
        return _OLD_SPELLING.sub(_modern, text)

    def _decode(self, samples: Array) -> tuple[list[int], float]:
        """Ids of the likeliest pieces, one after the other, and their mean log-probability."""
        samples = np.pad(samples, (0, max(0, _MIN_SAMPLES - len(samples))))
        value = runtime().OrtValue.ortvalue_from_numpy
        everywhere = np.ones((1, len(samples)), np.int64)
        heard = {"input_values": samples[None]} | ({"attention_mask": everywhere} if self._encoder_masked else {})
        feed = {"encoder_hidden_states": value(self._encoder.run(None, heard)[0])}
        if self._decoder_masked:
            feed["encoder_attention_mask"] = value(everywhere)
        nothing = value(np.zeros((1, self._heads, 1, self._width), np.float32))
        memories = dict.fromkeys(self._memories, nothing)
        ids, confidences = [_BEGIN], list[float]()
        limit = int(len(samples) / _RATE_HZ * _MAX_PIECES_PER_S) + 4
        while ids[-1] != _END and len(ids) <= limit:
            first = len(ids) == 1
            feed["use_cache_branch"] = value(np.array([not first]))
            feed["input_ids"] = value(np.array([[ids[-1]]], np.int64))
            logits, *present = self._decoder.run_with_ort_values(self._outputs, feed | memories)
            # What the decoder remembers of the audio is made in the first step and stays.
            for name, memory in zip(self._memories, present, strict=True):
                if first or ".decoder." in name:
                    memories[name] = memory
            id, confidence = _likeliest(logits.numpy()[0, -1])
            ids.append(id)
            confidences.append(confidence)
        return ids[1:], sum(confidences) / len(confidences)


def _open(carrier: _Carrier, files: dict[str, Path], file: str) -> Session:
    if carrier.repack:
        return open_repacked(files[file], carrier.weights.sha256[file])
    return open_session(files[file])


def _inputs(session: Session) -> dict[str, list[int]]:
    return {entry.name: entry.shape for entry in session.get_inputs()}


def _likeliest(logits: Array) -> tuple[int, float]:
    id = int(logits.argmax())
    return id, -float(np.log(np.exp(logits - logits[id]).sum()))


def _quiet_place(samples: Array) -> int:
    """Where to cut: the middle of the quietest stretch in the second half."""
    half = len(samples) // 2
    stretches = samples[half : half + (len(samples) - half) // _QUIET_SAMPLES * _QUIET_SAMPLES]
    energy = np.square(stretches.reshape(-1, _QUIET_SAMPLES)).sum(axis=1)
    return half + int(energy.argmin()) * _QUIET_SAMPLES + _QUIET_SAMPLES // 2


def _without_quiet_ends(samples: Array) -> Array:
    """What lies between the first loud frame and the last, and a little around it."""
    frames = samples[: len(samples) // _FRAME_SAMPLES * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES)
    if not len(frames):
        return samples
    levels = np.sqrt(np.square(frames).mean(axis=1))
    # Not the loudest frame: that may be a click.
    loud = np.flatnonzero(levels > np.percentile(levels, 95) * _QUIET_RATIO)
    if not len(loud):
        return samples
    begin = int(loud[0]) * _FRAME_SAMPLES - _LEAD_SAMPLES
    end = (int(loud[-1]) + 1) * _FRAME_SAMPLES + _TAIL_SAMPLES
    return samples[max(0, begin) : end]


def _modern(old: re.Match[str]) -> str:
    word = _OLD_SPELLINGS[old[0].lower()]
    return word.capitalize() if old[0][0].isupper() else word


def _read_pieces(data: bytes) -> list[bytes]:
    """The vocabulary: each piece after its length, of one byte, or of two when the first has its top bit set."""
    pieces: list[bytes] = []
    position = 0
    while position < len(data):
        length = data[position]
        position += 1
        if length >= 128:
            length += 128 * (data[position] - 1)
            position += 1
        pieces.append(data[position : position + length])
        position += length
    return pieces
