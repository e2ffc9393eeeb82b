"""Re-packing keeps what the model hears; its cache is an advantage, never a condition."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duologue.engines.speech import moonshine_weights as module
from duologue.engines.speech.onnx import open_session
from duologue.engines.speech.onnx_graph import Graph, Node, fields_of, pack
from duologue.engines.speech.weights import MOONSHINE_BASE

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


TONE = np.sin(np.arange(16_000) / 10).astype(np.float32)[None] / 4


def hear(session: Any) -> Any:
    return session.run(None, {"input_values": TONE})[0]


def products(model: bytes) -> Iterator[tuple[Any, Any, Any]]:
    """Each product with a re-packed weight while the model hears: what came in, the weight, what came out."""
    message = list(fields_of(model))
    ((place, graph),) = [
        (place, Graph.read(body))
        for place, (number, _, body) in enumerate(message)
        if number == module._MODEL_GRAPH and isinstance(body, memoryview)
    ]
    found = [node for node in graph.nodes if node.op == "DynamicQuantizeMatMul"]
    shown = dict.fromkeys(name for node in found for name in (node.inputs[0], node.outputs[0]))
    graph.other += [(12, 2, pack([(1, 2, name.encode())])) for name in shown]  # 12: an output of the graph
    message[place] = (module._MODEL_GRAPH, 2, pack(graph.fields()))
    session = open_session(pack(message))
    values = dict(
        zip((output.name for output in session.get_outputs()), session.run(None, {"input_values": TONE}), strict=True)
    )
    for node in found:
        weight, scale, zero = (module._array(graph.initializers[name]) for name in node.inputs[1:4])
        yield values[node.inputs[0]], (weight.astype(np.float64) - zero) * scale, values[node.outputs[0]]


def in_8_bits(values: Any) -> Any:
    """The numbers that stand for these in `DynamicQuantizeMatMul`, as ONNX specifies its rounding."""
    least, most = min(values.min(), 0), max(values.max(), 0)
    step = np.float32((most - least) / np.float32(255))
    zero = np.clip(np.rint(-least / step), 0, 255)
    return (np.clip(np.rint(values / step) + zero, 0, 255) - zero) * np.float64(step)


def test_products_with_the_weights_of_this_processor_are_exact(encoder: Path) -> None:
    # Sums of 16 bits that overflow are off by a quarter of the largest value here.
    count = 0
    for given, weight, product in products(module.repack(encoder, unsigned=module._saturates())):
        exact = in_8_bits(given) @ weight
        assert np.abs(product - exact).max() < 1e-5 * np.abs(exact).max()
        count += 1
    assert count == 48


def test_the_forms_of_weights_hear_what_the_shipped_model_hears(encoder: Path) -> None:
    shipped = hear(open_session(encoder))
    scale = np.abs(shipped).mean()
    # The shipped form computes with floats on every processor. The other rounds what is multiplied to 8 bits: exact
    # arithmetic with that rounding is a tenth of the scale away for this tone, on the edge of which the last bit of a
    # float decides. An error of the re-packing is as large as the scale.
    for unsigned in (True,) if module._saturates() else (False, True):
        repacked = hear(open_session(module.repack(encoder, unsigned=unsigned)))
        assert np.abs(repacked - shipped).mean() < 0.2 * scale


def test_the_cache_is_filled_once_and_used_then(encoder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = hear(module.open_repacked(encoder, "0123456789abcdef"))
    (cached,) = cache.iterdir()
    assert cached.name.startswith("moonshine-encoder_model-0123456789ab-2-")
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
    assert "is damaged and is made anew" in caplog.text
    assert cached.stat().st_size == whole


posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither modes nor such links")


def test_a_model_that_was_exchanged_is_not_loaded(
    encoder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module.open_repacked(encoder, "0123")
    (cached,) = cache.iterdir()
    model = bytearray(cached.read_bytes())
    model[len(model) // 2] ^= 1  # a weight: onnxruntime would load it
    cached.write_bytes(model)
    opened: list[bytes] = []
    monkeypatch.setattr(module, "open_session", opened.append)
    module.open_repacked(encoder, "0123")
    assert opened != [bytes(model)]
    assert "is damaged" in caplog.text


@posix
def test_the_cache_is_private_when_it_is_made(encoder: Path, cache: Path) -> None:
    module.open_repacked(encoder, "0123")
    (cached,) = cache.iterdir()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(cached.stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("how", ["folder for all", "folder for a group", "file for all", "link", "another owner"])
def test_a_cache_that_others_may_write_to_is_not_used(
    how: str, encoder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module.open_repacked(encoder, "0123")
    (cached,) = cache.iterdir()
    match how:
        case "folder for all":
            cache.chmod(0o777)
        case "folder for a group":
            cache.chmod(0o770)
        case "file for all":
            cached.chmod(0o666)
        case "link":
            cached.rename(cache.parent / "elsewhere")
            cached.symlink_to(cache.parent / "elsewhere")
        case _:
            monkeypatch.setattr(os, "getuid", lambda: os.stat(cache).st_uid + 1)
    monkeypatch.setattr(module, "repack", lambda path, *, unsigned: b"made anew")
    monkeypatch.setattr(module, "open_session", lambda model: model)
    monkeypatch.setattr(module, "_store", lambda path, model: None)
    assert module.open_repacked(encoder, "0123") == b"made anew"
    assert "is not used, and the model is made anew" in caplog.text


@posix
def test_nothing_is_stored_where_others_may_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match="others may write to it"):
        module._store(tmp_path / "model.onnx", b"x")
    assert list(tmp_path.iterdir()) == []


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
