"""A recording as a page: what `duologue inspect --out` writes, for tests."""

from __future__ import annotations

import os
import secrets
import tempfile
from io import BufferedWriter
from pathlib import Path
from typing import Final

from duologue.audio.files import create_file
from duologue.inspection.page import PageOptions, build_page
from duologue.recording import RecordingReader

__all__ = ["write_call_page"]

_NONCE_BYTES: Final = 16
"""As many as the content security policy asks for: https://www.w3.org/TR/CSP3/#security-nonces"""


def write_call_page(recording: str | os.PathLike[str], page: Path, *, title: str) -> None:
    """Write the page of a recorded call; one that is there is replaced.

    Raises:
        OSError: it cannot be written.
        RecordingError: the file cannot be read.
    """
    with (
        RecordingReader(recording) as reader,
        tempfile.TemporaryFile() as user,
        tempfile.TemporaryFile() as model,
        BufferedWriter(create_file(page)) as target,
    ):
        nonce = secrets.token_hex(_NONCE_BYTES)
        try:
            build_page(reader, target, nonce=nonce, scratch=(user, model), options=PageOptions(title=title))
        except BaseException:
            page.unlink(missing_ok=True)  # half a page shows nothing
            raise
