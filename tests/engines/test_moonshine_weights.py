"""Re-packing keeps what the model hears; its cache is an advantage, never a condition."""

from pathlib import Path
from typing import Any

import pytest

from duologue.engines import moonshine_weights as module
from duologue.engines.onnx import open_session
from duologue.engines.onnx_graph import Graph, Node
from duologue.engines.weights import MOONSHINE_BASE

np = pytest.importorskip("numpy", reason="the speech extra is not installed")
pytest.importorskip("onnxruntime", reason="the speech extra is not installed")

ENCODER = "encoder_model.ort"


@pytest.fixture(scope="module")
def encoder() -> Path:
    if MOONSHINE_BASE.path is None:
        pytest.skip(f"{MOONSHINE_BASE.requirement} is not installed here")
    return MOONSHINE_BASE.verified()[ENCODER]


def test_a_weight_without_a_zero_point_is_left_as_it_is() -> None:
    def constant(name: str, value: float) -> bytes:
        return module._tensor(name, np.array([value], np.float32))

    graph = Graph(
        [Node("Cast", ["w"], ["a"]), Node("Mul", ["a", "scale"], ["b"]), Node("Add", ["b", "offset"], ["c"])],
        {"w": module._tensor("w", np.array([1], np.int8)), "scale": constant("scale", 0.5)},
        set(),
        [],
    )
    for offset, zeros in ((-1.5, [3]), (-1.6, []), (-100.0, [])):
        graph.initializers["offset"] = constant("offset", offset)
        assert [packed.zero for packed in module._packed_weights(graph).values()] == zeros


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "cache_dir", lambda: tmp_path / "duologue")
    return tmp_path / "duologue"


def hear(session: Any) -> Any:
    tone = np.sin(np.arange(16_000) / 10).astype(np.float32)[None] / 4
    return session.run(None, {"input_values": tone})[0]


def test_the_forms_of_weights_hear_what_the_shipped_model_hears(encoder: Path) -> None:
    shipped = hear(open_session(encoder))
    scale = np.abs(shipped).mean()
    # Signed ones are never used where products of them overflow: there they are wrong.
    for unsigned in (True,) if module._saturates() else (False, True):
        repacked = hear(open_session(module.repack(encoder, unsigned=unsigned)))
        assert np.abs(repacked - shipped).mean() < 0.1 * scale


def test_the_cache_is_filled_once_and_used_then(encoder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = hear(module.open_repacked(encoder, "0123456789abcdef"))
    (cached,) = cache.iterdir()
    assert cached.name.startswith("moonshine-encoder_model-0123456789ab-1-")
    monkeypatch.setattr(module, "repack", None)
    assert (hear(module.open_repacked(encoder, "0123456789abcdef")) == first).all()


def test_a_cache_that_cannot_be_written_is_done_without(encoder: Path, cache: Path) -> None:
    cache.write_bytes(b"a file where the folder should be")
    assert hear(module.open_repacked(encoder, "0123")).shape[0] == 1


def test_a_damaged_cache_is_made_anew(encoder: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    module.open_repacked(encoder, "0123")
    (cached,) = cache.iterdir()
    whole = cached.stat().st_size
    cached.write_bytes(b"damaged")
    module.open_repacked(encoder, "0123")
    assert "is made anew" in caplog.text
    assert cached.stat().st_size == whole


def test_a_store_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="no"):
        module._store(tmp_path / "model.onnx", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {"XDG_CACHE_HOME": "/c"}, "/c/duologue"),
        ("linux", {"HOME": "/h/ada"}, "/h/ada/.cache/duologue"),
        ("darwin", {"HOME": "/u/ada"}, "/u/ada/Library/Caches/duologue"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/duologue"),
    ],
)
def test_the_cache_is_where_the_system_keeps_such_things(
    platform: str, variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert module.cache_dir() == Path(folder)


@pytest.mark.parametrize(
    ("machine", "flags", "unsigned"),
    [("x86_64", "avx2 avx512_vnni", False), ("x86_64", "avx2", True), ("AMD64", None, True), ("arm64", None, False)],
)
def test_weights_are_unsigned_where_signed_ones_would_overflow(
    machine: str, flags: str | None, unsigned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(self: Path, encoding: str) -> str:
        if flags is None:
            raise FileNotFoundError
        return flags

    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(Path, "read_text", read)
    assert module._saturates() is unsigned
