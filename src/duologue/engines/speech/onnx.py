"""Sessions of onnxruntime, set up for a server: quiet, one thread each, nothing sent anywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from duologue.audio.extras import needs

__all__ = ["Array", "Session", "open_session", "runtime"]

Array = Any
"""A numpy array of whatever shape and type the model has; a model's types are not Python's."""

Session = Any
"""An `onnxruntime.InferenceSession`; the library ships no types."""


def runtime() -> Any:
    """The module `onnxruntime`, its telemetry switched off.

    Releases from 1.29 on report usage unless this variable says otherwise before they are first imported; the
    function that switches reporting off inside them comes after the first report.

    Raises:
        MissingExtra: the `speech` extra is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    with needs("speech"):
        import onnxruntime
    return onnxruntime


def open_session(model: Path | bytes) -> Session:
    """A session on a model file, or on its bytes. Blocks while it loads; `run` may be called from many threads."""
    ort = runtime()
    options = ort.SessionOptions()
    # Sessions of many conversations run side by side on the worker's threads; threads below those would fight.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # A pool that spins while it waits burns the core that the next conversation needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only: the warnings are hints for the authors of a model
    source = model if isinstance(model, bytes) else os.fspath(model)
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
