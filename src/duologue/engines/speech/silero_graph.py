"""Silero's network as a graph of matrix products, made of its shipped weights.

The shipped graph is that of a training framework: convolutions over four columns, and branches that ask for the shape
of what is always the same. Written as products of matrices, the same network takes a third of the time for many streams
at once, and half for one; probabilities differ by the rounding of floats, which a test compares.

Shapes: B streams, each with a frame of 512 samples behind the last 64 of the frame before it, and mirrored by 64 at its
end, which makes 640. The spectrum has 4 columns of 129 magnitudes; the four convolutions leave 4, 2, 1 and 1 columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from duologue.audio.extras import needs
from duologue.engines.speech.onnx import Array
from duologue.engines.speech.onnx_graph import Field, Graph, fields_of, pack

with needs("speech"):
    import numpy as np

__all__ = ["AUDIO", "CONTEXT_SAMPLES", "FRAME_SAMPLES", "MEMORY", "MIRRORED_SAMPLES", "STATE_SIZE", "network"]

FRAME_SAMPLES: Final = 512
CONTEXT_SAMPLES: Final = 64
"""The end of the frame before, which the network reads in front of each frame."""
MIRRORED_SAMPLES: Final = 64
"""Of the end of the frame, in reverse, behind it: the last column's window reaches so far."""
STATE_SIZE: Final = 256
"""What the network remembers of a stream: the output and the cell of its LSTM, 128 each."""

AUDIO: Final = "audio"
MEMORY: Final = "memory"
"""Names of the inputs. The outputs are the probabilities, B × 1, and the new memory, B × 256, in this order."""

_VARINT, _BYTES = 0, 2
_WINDOW, _BINS, _CELLS = 256, 129, 128

# Numbers of the ONNX schema, and of its types.
_MODEL_IR, _MODEL_GRAPH, _MODEL_OPSET, _OPSET_VERSION = 1, 7, 8, 2
_GRAPH_NODE, _GRAPH_NAME, _GRAPH_TENSOR, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 2, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INT, _ATTRIBUTE_TYPE, _TYPE_IS_INT = 1, 3, 20, 2
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_FLOAT, _INT64 = 1, 7
_IR_VERSION, _OPSET = 8, 15


def network(shipped: Path) -> bytes:
    """The model, for `open_session`, with the weights of the shipped file."""
    weights = _weights_of(shipped)
    graph = _Writer()
    spectrum = _spectrum(graph, weights)
    encoded = _encoder(graph, weights, spectrum)
    _decoder(graph, weights, encoded)
    return graph.model()


def _spectrum(graph: _Writer, weights: Mapping[str, Array]) -> str:
    """Magnitudes, 4B × 129: four windows of 256 samples, each half a window behind the one before."""
    half = _WINDOW // 2
    first = graph.reshape(graph.cut(AUDIO, 0, 4 * half), 0, 4, half)
    second = graph.reshape(graph.cut(AUDIO, half, 5 * half), 0, 4, half)
    windows = graph.reshape(graph.op("Concat", first, second, axis=2), -1, _WINDOW)
    both = graph.op("MatMul", windows, graph.constant(weights["model.stft.forward_basis_buffer"][:, 0, :].T))
    squares = graph.op("Mul", both, both)
    return graph.op("Sqrt", graph.op("Add", graph.cut(squares, 0, _BINS), graph.cut(squares, _BINS, 2 * _BINS)))


def _encoder(graph: _Writer, weights: Mapping[str, Array], spectrum: str) -> str:
    """Four convolutions of width 3, padded by a column of zeros on both sides; the middle ones halve the columns."""
    taps, biases = {}, {}
    for layer in range(4):
        name = f"model.encoder.{layer}.reparam_conv"
        taps[layer] = weights[f"{name}.weight"].transpose(2, 1, 0)  # 3 × in × out
        biases[layer] = weights[f"{name}.bias"]

    padded = graph.op("Pad", graph.reshape(spectrum, -1, 4, _BINS), graph.constant(np.array([0, 1, 0, 0, 1, 0])))
    windows = graph.op("Concat", *(graph.cut(padded, at, at + 4) for at in range(3)), axis=2)
    hidden = graph.layer(graph.reshape(windows, -1, 3 * _BINS), taps[0].reshape(3 * _BINS, -1), biases[0])
    hidden = graph.reshape(hidden, -1, 4 * taps[0].shape[2])

    halving = np.zeros((4, taps[1].shape[1], 2, taps[1].shape[2]), np.float32)
    halving[0:2, :, 0] = taps[1][1:]  # the column before the first is padding
    halving[1:4, :, 1] = taps[1]
    matrix = halving.reshape(4 * taps[1].shape[1], -1)
    hidden = graph.layer(hidden, matrix, np.concatenate([biases[1], biases[1]]))
    # Of two columns, and of one, the rest is padding.
    hidden = graph.layer(hidden, taps[2][1:].reshape(-1, taps[2].shape[2]), biases[2])
    return graph.layer(hidden, taps[3][1], biases[3])


def _decoder(graph: _Writer, weights: Mapping[str, Array], encoded: str) -> None:
    """An LSTM cell, and one output."""
    name = "model.decoder.rnn"
    # Kept in the order input, forget, cell, output; the three that are sigmoids stand together here.
    order = np.r_[0 : 2 * _CELLS, 3 * _CELLS : 4 * _CELLS, 2 * _CELLS : 3 * _CELLS]
    matrix = np.concatenate([weights[f"{name}.weight_ih"].T, weights[f"{name}.weight_hh"].T])[:, order]
    bias = (weights[f"{name}.bias_ih"] + weights[f"{name}.bias_hh"])[order]
    before = graph.op("Concat", encoded, graph.cut(MEMORY, 0, _CELLS), axis=1)
    gates = graph.op("Gemm", before, graph.constant(matrix), graph.constant(bias))
    opened = graph.op("Sigmoid", graph.cut(gates, 0, 3 * _CELLS))
    new = graph.op("Tanh", graph.cut(gates, 3 * _CELLS, 4 * _CELLS))
    kept = graph.op("Mul", graph.cut(opened, _CELLS, 2 * _CELLS), graph.cut(MEMORY, _CELLS, 2 * _CELLS))
    cell = graph.op("Add", kept, graph.op("Mul", graph.cut(opened, 0, _CELLS), new))
    output = graph.op("Mul", graph.cut(opened, 2 * _CELLS, 3 * _CELLS), graph.op("Tanh", cell))
    last = weights["model.decoder.decoder.2.weight"][:, :, 0].T
    score = graph.layer_without_relu(graph.op("Relu", output), last, weights["model.decoder.decoder.2.bias"])
    graph.output("probabilities", graph.op("Sigmoid", score), 1)
    graph.output("memory_after", graph.op("Concat", output, cell, axis=1), STATE_SIZE)


class _Writer:
    """A graph under construction. Values are named in the order in which they are made."""

    def __init__(self) -> None:
        self._fields: list[Field] = [(_GRAPH_NAME, _BYTES, b"silero")]
        self._named = 0
        length = CONTEXT_SAMPLES + FRAME_SAMPLES + MIRRORED_SAMPLES
        for name, size in ((AUDIO, length), (MEMORY, STATE_SIZE)):
            self._fields.append((_GRAPH_INPUT, _BYTES, _value(name, size)))

    def op(self, kind: str, *inputs: str, **attributes: int) -> str:
        """The output of an operation."""
        output = self._name()
        self._fields.append((_GRAPH_NODE, _BYTES, _node(kind, inputs, output, attributes)))
        return output

    def constant(self, array: Array) -> str:
        """A tensor of floats, or of whole numbers."""
        name, is_float = self._name(), array.dtype.kind == "f"
        raw = np.ascontiguousarray(array, "<f4" if is_float else "<i8").tobytes()
        dims: list[Field] = [(_TENSOR_DIMS, _VARINT, size) for size in array.shape]
        kind: Field = (_TENSOR_TYPE, _VARINT, _FLOAT if is_float else _INT64)
        tensor = pack([*dims, kind, (_TENSOR_NAME, _BYTES, name.encode()), (_TENSOR_RAW, _BYTES, raw)])
        self._fields.append((_GRAPH_TENSOR, _BYTES, tensor))
        return name

    def cut(self, value: str, begin: int, end: int) -> str:
        """From `begin` to `end` along the second axis."""
        return self.op("Slice", value, *(self.constant(np.array([number])) for number in (begin, end, 1)))

    def reshape(self, value: str, *shape: int) -> str:
        return self.op("Reshape", value, self.constant(np.array(shape)))

    def layer_without_relu(self, value: str, matrix: Array, bias: Array) -> str:
        return self.op("Gemm", value, self.constant(matrix), self.constant(bias))

    def layer(self, value: str, matrix: Array, bias: Array) -> str:
        return self.op("Relu", self.layer_without_relu(value, matrix, bias))

    def output(self, name: str, value: str, size: int) -> None:
        """Have the graph return this value, B × `size`, by this name."""
        self._fields.append((_GRAPH_NODE, _BYTES, _node("Identity", (value,), name, {})))
        self._fields.append((_GRAPH_OUTPUT, _BYTES, _value(name, size)))

    def model(self) -> bytes:
        """The graph as a model."""
        opset = pack([(_OPSET_VERSION, _VARINT, _OPSET)])
        return pack(
            [
                (_MODEL_IR, _VARINT, _IR_VERSION),
                (_MODEL_OPSET, _BYTES, opset),
                (_MODEL_GRAPH, _BYTES, pack(self._fields)),
            ]
        )

    def _name(self) -> str:
        self._named += 1
        return f"v{self._named}"


def _node(kind: str, inputs: tuple[str, ...], output: str, attributes: Mapping[str, int]) -> bytes:
    written: list[Field] = [(_NODE_INPUT, _BYTES, name.encode()) for name in inputs]
    written += [(_NODE_OUTPUT, _BYTES, output.encode()), (_NODE_OP, _BYTES, kind.encode())]
    for name, number in attributes.items():
        attribute: list[Field] = [(_ATTRIBUTE_NAME, _BYTES, name.encode()), (_ATTRIBUTE_INT, _VARINT, number)]
        written.append((_NODE_ATTRIBUTE, _BYTES, pack([*attribute, (_ATTRIBUTE_TYPE, _VARINT, _TYPE_IS_INT)])))
    return pack(written)


def _value(name: str, size: int) -> bytes:
    """The description of a value of B × `size` floats."""
    dims = pack([(1, _BYTES, pack([(2, _BYTES, b"B")])), (1, _BYTES, pack([(1, _VARINT, size)]))])
    tensor = pack([(1, _VARINT, _FLOAT), (2, _BYTES, dims)])
    return pack([(1, _BYTES, name.encode()), (2, _BYTES, pack([(1, _BYTES, tensor)]))])


def _weights_of(shipped: Path) -> dict[str, Array]:
    graph = next(
        Graph.read(body)
        for number, _, body in fields_of(shipped.read_bytes())
        if number == _MODEL_GRAPH and isinstance(body, memoryview)
    )
    return {name: _array_of(tensor) for name, tensor in graph.initializers.items()}


def _array_of(tensor: bytes | memoryview) -> Array:
    dims: list[int] = []
    raw: bytes | memoryview = b""
    for number, _, value in fields_of(tensor):
        if number == _TENSOR_DIMS and isinstance(value, int):
            dims.append(value)
        elif number == _TENSOR_RAW and not isinstance(value, int):
            raw = value
    return np.frombuffer(raw, "<f4").reshape(dims)
