"""Engines are found by kind and name, made in a thread, and closed by who made them."""

import sys
import threading
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from types import ModuleType

import pytest

from duologue.engines import registry
from duologue.engines.base import Transcriber
from duologue.engines.registry import Kind, known, load, load_default
from duologue.engines.scripted import ScriptedResponder, ScriptedTranscriber
from duologue.engines.worker import Worker
from duologue.errors import EngineError, MissingExtra

SCRIPTED: dict[Kind, str] = dict.fromkeys(registry.DEFAULTS, "scripted")


class Parrot(ScriptedTranscriber):
    """Notes where it was made, and that it was closed."""

    made_in = 0
    closed = False

    def __init__(self, worker: Worker, phrase: str = "hello") -> None:
        super().__init__([phrase])
        Parrot.made_in = threading.get_ident()

    async def aclose(self) -> None:
        Parrot.closed = True


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An installed package that adds a transcriber."""
    monkeypatch.setattr(Parrot, "closed", False)
    module = ModuleType("parrot_speech")
    module.__dict__["Parrot"] = Parrot
    monkeypatch.setitem(sys.modules, "parrot_speech", module)
    entry = EntryPoint("transcriber.parrot", "parrot_speech:Parrot", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == registry.GROUP else [])
    return module


def test_the_built_in_engines_are_known_without_being_imported() -> None:
    assert known("detector") == ["scripted", "silero"]
    assert known("transcriber") == ["moonshine", "remote", "scripted"]
    assert known("responder") == ["chat", "embedded", "llm", "scripted"]
    assert known("synthesizer") == ["hibari", "remote", "scripted"]
    assert known("end_of_turn") == ["embedded", "scripted"]
    assert known("denoiser") == ["scripted"]


def test_every_built_in_name_leads_to_a_module_that_exists() -> None:
    for target in registry._BUILT_IN.values():
        module = target.partition(":")[0]
        assert find_spec(module) is not None


async def test_an_unknown_name_lists_the_known_ones() -> None:
    async with Worker(threads=1) as worker:
        with pytest.raises(EngineError, match="whisper: no transcriber has this name; known: moonshine, remote"):
            await load("transcriber", "whisper", worker)


async def test_options_reach_the_engine_and_wrong_ones_are_told() -> None:
    async with Worker(threads=1) as worker:
        responder = await load("responder", "scripted", worker, {"lines": ["one"]})
        assert isinstance(responder, ScriptedResponder)
        with pytest.raises(EngineError, match=r"scripted: does not take these options: .*'colour'"):
            await load("responder", "scripted", worker, {"colour": "red"})


@pytest.mark.usefixtures("parrot")
async def test_an_installed_package_adds_engines() -> None:
    assert "parrot" in known("transcriber")
    async with Worker(threads=1) as worker:
        engine: Transcriber = await load("transcriber", "parrot", worker, {"phrase": "polly"})
        assert engine.name == "scripted"
        assert Parrot.made_in != threading.get_ident()


async def test_an_entry_that_leads_nowhere_is_an_engine_error(parrot: ModuleType) -> None:
    del parrot.__dict__["Parrot"]
    async with Worker(threads=1) as worker:
        with pytest.raises(EngineError, match="parrot: cannot be imported from parrot_speech:Parrot"):
            await load("transcriber", "parrot", worker)


async def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "duologue.engines.llm.chat", raising=False)
    monkeypatch.delitem(sys.modules, "duologue.engines.remote.endpoint", raising=False)
    monkeypatch.setitem(sys.modules, "httpx", None)
    async with Worker(threads=1) as worker:
        with pytest.raises(MissingExtra, match=r"pip install 'duologue\[server\]'"):
            await load("responder", "chat", worker, {"url": "http://localhost", "model": "m"})


@pytest.mark.usefixtures("parrot")
async def test_one_engine_of_each_kind_is_loaded_and_closed_at_the_end() -> None:
    names: dict[Kind, str] = {**SCRIPTED, "transcriber": "parrot"}
    async with load_default(names, options={"detector": {"frame_ms": 30}}) as engines:
        assert engines.new_detector().frame_ms == 30
        assert engines.new_detector() is not engines.new_detector()
        assert isinstance(engines.transcriber, Parrot)
        assert not Parrot.closed
    assert Parrot.closed


@pytest.mark.usefixtures("parrot")
async def test_a_load_that_fails_closes_what_was_loaded() -> None:
    names: dict[Kind, str] = {**SCRIPTED, "transcriber": "parrot", "synthesizer": "absent"}
    with pytest.raises(EngineError, match="absent: no synthesizer has this name"):
        async with load_default(names):
            pass
    assert Parrot.closed


async def test_noise_is_left_in_unless_a_denoiser_is_asked_for() -> None:
    async with load_default(SCRIPTED) as engines:
        assert engines.new_denoiser is None
        assert engines.end_of_turn is not None
    async with load_default({**SCRIPTED, "denoiser": "scripted"}) as engines:
        assert engines.new_denoiser is not None
        assert len(await engines.new_denoiser("near_field").clean(bytes(320))) == 320
