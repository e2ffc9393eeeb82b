"""Real engines, loaded once for all tests; what is not installed is skipped by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

import duologue.engines
from duologue.audio.wav import Sound, read_wav
from duologue.engines import registry
from duologue.engines.base import Synthesizer, Transcriber, VoiceDetector
from duologue.engines.worker import Worker
from duologue.errors import MissingExtra

T = TypeVar("T")

FOLDERS = (Path(__file__).parents[1] / "speech", Path(duologue.engines.__path__[0]).parent / "cli" / "speech")


@pytest.fixture(scope="session")
def recordings() -> dict[str, bytes]:
    """PCM16 at 16 kHz by name."""
    return {path.stem: read_wav(path).pcm16 for folder in FOLDERS for path in folder.glob("librivox_*.wav")}


@pytest.fixture(scope="session")
def questions() -> dict[str, Sound]:
    """The demo's questions by name."""
    return {path.stem: read_wav(path) for folder in FOLDERS for path in folder.glob("question_*.wav")}


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker for the whole session, and a cache directory of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        worker = Worker()
        yield worker
        asyncio.run(worker.close())


def loaded(kind: registry.Kind, name: str, worker: Worker) -> object:
    try:
        return asyncio.run(registry.load(kind, name, worker))
    except MissingExtra as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def new_detector(worker: Worker) -> Callable[[], VoiceDetector]:
    return loaded("detector", "silero", worker)  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@pytest.fixture(scope="session")
def transcriber(worker: Worker) -> Transcriber:
    return loaded("transcriber", "moonshine", worker)  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@pytest.fixture(scope="session")
def synthesizer(worker: Worker) -> Synthesizer:
    return loaded("synthesizer", "hibari", worker)  # type: ignore[return-value]  # pyright: ignore[reportReturnType]
