"""Moonshine's weights, re-packed once so that its decoder runs five times as fast.

The base model is shipped with 8-bit weights that a Cast, a Mul and an Add expand to floats in every run: that is most
of a decoder step. Here onnxruntime writes the shipped file back as ONNX, and each product with an expanded weight
becomes a `DynamicQuantizeMatMul` on the 8-bit weight itself. The result is kept in the user's cache directory. The
weights stay the same numbers; the tiny model is shipped in a form that needs none of this.

No table can hold the result's sha256, which depends on the release of onnxruntime that wrote it. It stands in the
file's name, and what is loaded is the bytes that were checked: a file that was damaged is found. Against others it is
the folder that counts, for who may write to it may write a name too: a folder or a file that is not this user's own, or
that others may write to, is not used. Who runs programs as this user can change this very module and needs no cache.
"""

from __future__ import annotations

import errno
import logging
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from duologue.audio.extras import needs
from duologue.engines.speech.onnx import Array, Session, open_session, runtime
from duologue.engines.speech.onnx_graph import Field, Graph, Node, fields_of, pack

with needs("speech"):
    import numpy as np

__all__ = ["cache_dir", "open_repacked", "repack"]

_log = logging.getLogger(__name__)

_MODEL_GRAPH = 7
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_FLOATS, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 4, 8, 9
_TYPES = {1: "<f4", 2: "u1", 3: "i1"}
_TYPE_OF = {"float32": 1, "uint8": 2, "int8": 3}
_LAYOUT = 2  # part of the cached file's name: count up when the re-packing changes


def open_repacked(path: Path, digest: str) -> Session:
    """A session on the re-packed form of a shipped `.ort` file with this sha256. Blocks: seconds at the first time.

    Without a writable cache the work is done again at every start, and everything else is the same.
    """
    unsigned = _saturates()
    name = f"moonshine-{path.stem}-{digest[:12]}-{_LAYOUT}-{'u' if unsigned else 's'}8-"
    folder = cache_dir()
    kept = _kept(folder, name)
    if kept is not None:
        return open_session(kept)
    model = repack(path, unsigned=unsigned)
    try:
        _store(folder / f"{name}{sha256(model).hexdigest()}.onnx", model)
    except OSError as fault:
        _log.info("the re-packed model is not kept for the next start: %s", fault)
    return open_session(model)


def _kept(folder: Path, name: str) -> bytes | None:
    """The re-packed model whose file begins with this name, once it is known to be what was stored."""
    for cached in sorted(folder.glob(f"{name}*.onnx")):
        try:
            _check_private(folder.stat(), folder)
            model = _read_private(cached)
        except OSError as fault:
            _log.warning("%s is not used, and the model is made anew: %s", cached, fault)
            continue
        if cached.name == f"{name}{sha256(model).hexdigest()}.onnx":
            return model
        _log.warning("%s is damaged and is made anew", cached)
    return None


def _read_private(path: Path) -> bytes:
    with os.fdopen(
        os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb"
    ) as file:
        _check_private(os.fstat(file.fileno()), path)
        return file.read()


def _check_private(found: os.stat_result, path: Path) -> None:
    """Raise PermissionError unless this user alone may write here. Windows keeps a user's folders private by itself."""
    if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022):
        raise PermissionError(errno.EACCES, "others may write to it; make it your own, with mode 700", os.fspath(path))


def cache_dir() -> Path:
    """Where this user's programs keep what they can make again."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "duologue"


def repack(path: Path, *, unsigned: bool) -> bytes:
    """The model in a shipped `.ort` file as ONNX that multiplies with its 8-bit weights as they are."""
    message = list(fields_of(_as_onnx(path)))
    index, graph = next(
        (index, Graph.read(body))
        for index, (number, _, body) in enumerate(message)
        if number == _MODEL_GRAPH and isinstance(body, memoryview)
    )
    packed = _packed_weights(graph)
    added: dict[str, bytes] = {}
    _use_packed(graph, packed, graph.initializers, added, unsigned=unsigned)
    graph.initializers.update(added)
    graph.prune()
    message[index] = (_MODEL_GRAPH, 2, pack(graph.fields()))
    return pack(message)


@dataclass(frozen=True, slots=True)
class _Packed:
    """A weight as shipped: 8-bit numbers, of which each stands for `(number - zero) * scale`."""

    tensor: str
    scale: float
    zero: int


def _packed_weights(graph: Graph) -> dict[str, _Packed]:
    """Which values of the graph are expanded weights: Add(Mul(Cast(weight), scale), offset), by the Add's output."""
    maker = {output: node for node in graph.nodes for output in node.outputs}
    found: dict[str, _Packed] = {}
    for add in graph.nodes:
        mul = maker.get(add.inputs[0]) if add.op == "Add" else None
        cast = maker.get(mul.inputs[0]) if mul is not None and mul.op == "Mul" else None
        if mul is None or cast is None or cast.op != "Cast" or cast.inputs[0] not in graph.initializers:
            continue
        scale = float(_array(graph.initializers[mul.inputs[1]]).ravel()[0])
        offset = float(_array(graph.initializers[add.inputs[1]]).ravel()[0])
        zero = round(-offset / scale)
        # An offset that is no whole number of steps has no zero point to stand for it: leave such a weight alone.
        if abs(-offset / scale - zero) < 0.01 and -128 <= zero <= 127:
            found[add.outputs[0]] = _Packed(cast.inputs[0], scale, zero)
    return found


def _use_packed(
    graph: Graph,
    packed: dict[str, _Packed],
    tensors: dict[str, bytes | memoryview],
    added: dict[str, bytes],
    *,
    unsigned: bool,
) -> None:
    """Rewrite the products with, and look-ups in, expanded weights, here and in all branches."""
    maker = {output: node for node in graph.nodes for output in node.outputs}
    nodes: list[Node] = []
    for node in graph.nodes:
        for _, branch in node.branches:
            _use_packed(branch, packed, tensors, added, unsigned=unsigned)
        match node:
            case Node(op="MatMul", inputs=[left, right]):
                turned = maker.get(right)
                transpose = turned is not None and turned.op == "Transpose"
                weight = packed.get(turned.inputs[0] if turned is not None and transpose else right)
                if weight is not None:
                    names = _add(weight, tensors, added, transpose=transpose, unsigned=unsigned)
                    node.op, node.domain, node.inputs = "DynamicQuantizeMatMul", "com.microsoft", [left, *names]
                nodes.append(node)
            case Node(op="Gather", inputs=[table, indices], outputs=[output]) if table in packed:
                weight_name, scale, zero = _add(packed[table], tensors, added, transpose=False, unsigned=unsigned)
                node.inputs, node.outputs = [weight_name, indices], [f"{output}/packed"]
                nodes += [node, Node("DequantizeLinear", [f"{output}/packed", scale, zero], [output])]
            case _:
                nodes.append(node)
    graph.nodes = nodes


def _add(
    weight: _Packed,
    tensors: dict[str, bytes | memoryview],
    added: dict[str, bytes],
    *,
    transpose: bool,
    unsigned: bool,
) -> tuple[str, str, str]:
    """Names of the weight, its scale and its zero point as constants of the graph, made where they are not there."""
    shift = 128 if unsigned else 0
    dtype = np.uint8 if unsigned else np.int8
    name = f"{weight.tensor}/{'transposed' if transpose else 'packed'}"
    if name not in added:
        numbers = (_array(tensors[weight.tensor]).astype(np.int16) + shift).astype(dtype)
        added[name] = _tensor(name, numbers.T if transpose else numbers)
    scale, zero = f"{weight.tensor}/scale", f"{weight.tensor}/zero"
    added[scale] = _tensor(scale, np.array(weight.scale, np.float32))
    added[zero] = _tensor(zero, np.array(weight.zero + shift, dtype))
    return name, scale, zero


def _array(tensor: bytes | memoryview) -> Array:
    dims: list[int] = []
    dtype, data = "<f4", memoryview(b"")
    for number, _, value in fields_of(tensor):
        if number == _TENSOR_DIMS and isinstance(value, int):
            dims.append(value)
        elif number == _TENSOR_TYPE and isinstance(value, int):
            dtype = _TYPES[value]
        elif number in (_TENSOR_FLOATS, _TENSOR_RAW) and isinstance(value, memoryview):
            data = value
    return np.frombuffer(data, dtype).reshape(dims)


def _tensor(name: str, array: Array) -> bytes:
    dims: list[Field] = [(_TENSOR_DIMS, 0, int(size)) for size in array.shape]
    body: list[Field] = [
        (_TENSOR_TYPE, 0, _TYPE_OF[array.dtype.name]),
        (_TENSOR_NAME, 2, name.encode()),
        (_TENSOR_RAW, 2, np.ascontiguousarray(array).tobytes()),
    ]
    return pack(dims + body)


def _as_onnx(path: Path) -> bytes:
    """The model as onnxruntime writes it back, nothing optimised."""
    ort = runtime()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.add_session_config_entry("session.save_model_format", "ONNX")
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        written = Path(folder) / "model.onnx"
        options.optimized_model_filepath = os.fspath(written)
        ort.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
        return written.read_bytes()


def _store(path: Path, model: bytes) -> None:
    """All or nothing, also when two processes start at once: the file appears under its name when it is whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_private(path.parent.stat(), path.parent)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(model)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _saturates() -> bool:
    """Whether 8-bit products need unsigned weights here.

    x86 without VNNI adds pairs of products of unsigned by signed numbers in 16 bits, which overflow; unsigned weights
    take another path, 20 % slower. Where the processor does not say, the safe path it is.
    """
    if platform.machine().lower() not in ("x86_64", "amd64", "i686"):
        return False
    try:
        return "vnni" not in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return True
