"""What `import duologue` brings, and what it does without."""

from __future__ import annotations

import subprocess
import sys

import duologue


def test_dir_lists_every_public_name_and_each_can_be_imported() -> None:
    assert dir(duologue) == sorted(duologue.__all__)
    for name in dir(duologue):
        assert getattr(duologue, name) is not None


def test_all_lists_every_name_that_is_imported_lazily() -> None:
    assert {*duologue._LAZY, *duologue._LAZY_MODULES} - {"codec", "dialects", "errors"} <= set(duologue.__all__)


def test_importing_it_alone_gives_the_modules_that_read_and_write_events() -> None:
    code = "import duologue; print(duologue.codec.decode, duologue.errors.DecodeError, duologue.dialects.PROFILES)"
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=30)


def test_importing_it_imports_neither_asyncio_nor_the_client() -> None:
    code = (
        "import duologue, sys; dir(duologue); print([name for name in sys.modules"
        " if name in ('asyncio', 'websockets', 'duologue.blocking') or name.startswith('duologue.client')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8", timeout=30
    )
    assert done.stdout.strip() == "[]"
