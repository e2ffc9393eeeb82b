"""A missing optional package is reported by the extra that brings it; every other fault passes."""

import importlib
import subprocess
import sys

import pytest

from duologue.audio.extras import needs
from duologue.errors import MissingExtra


def test_a_missing_package_names_its_extra() -> None:
    with (
        pytest.raises(MissingExtra, match=r"no_such_package: not installed; run: pip install 'duologue\[llm\]'"),
        needs("llm"),
    ):
        importlib.import_module("no_such_package")


def test_other_faults_pass_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), needs("llm"):
        _ = 1 / 0


def test_all_of_audio_is_imported_without_any_optional_package() -> None:
    code = """if True:
        import sys
        from duologue.audio import formats, g711, levels, resampling, samples, wav
        print(sorted({"numpy", "soxr"} & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout == "[]\n"
