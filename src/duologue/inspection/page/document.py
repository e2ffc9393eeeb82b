"""One HTML file: `assets/page.html` with its styles, scripts and the data of a call inlined.

`page.html` is a page that names its parts as any other does: `<link rel="stylesheet" href="…">`, `<script src="…">`,
and `<!-- data -->`, which stands where the data of the call comes. Nothing of a call is HTML or an attribute: its data
stands in `<script type="application/json">`, where no `<` is left. Scripts and styles run by a nonce, and nothing else
may be loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import BinaryIO, Final

__all__ = ["Document", "escaped", "policy"]

_PARTS: Final = re.compile(
    r'(<meta http-equiv="Content-Security-Policy"[^>]*>)'
    r'|<link rel="stylesheet" href="([a-z_]+\.css)">'
    r'|<script src="([a-z_]+\.js)"></script>'
    r"|(<!-- data -->)"
)


def policy(nonce: str, *, live: bool = False) -> str:
    """The content security policy of a page; a live one may ask its own server for more."""
    connect = "connect-src 'self'; " if live else ""
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; "
        f"media-src blob: data:; {connect}base-uri 'none'; form-action 'none'"
    )


class Document:
    """Writes a page into a file, in order: `data` and `packed` for each piece of data, then `close`."""

    def __init__(self, target: BinaryIO, *, nonce: str, live: bool = False, assets: Traversable | None = None) -> None:
        """`nonce` cannot be guessed, and has letters and digits. Writes what stands before the data.

        `assets` is the folder of another page; what that lacks, such as the colours, is taken from the page of a call.
        """
        self.size_bytes: int = 0
        self._target = target
        self._parts = _filled(assets or _of_call(), nonce, live=live)
        for part in self._parts:
            if part is None:
                break
            self._put(part.encode())

    def data(self, name: str, text: bytes) -> None:
        """JSON text under an id, which is one of ours: letters, digits and hyphens."""
        self._put(f'<script type="application/json" id="{name}">'.encode())
        self._put(escaped(text))
        self._put(b"</script>\n")

    def packed(self, name: str, base64: bytes) -> None:
        """Base64 under an id, as a JSON string."""
        self._put(f'<script type="application/json" id="{name}">"'.encode())
        self._put(base64)
        self._put(b'"</script>\n')

    def close(self) -> None:
        """Write what stands behind the data."""
        for part in self._parts:
            self._put((part or "").encode())

    def _put(self, text: bytes) -> None:
        self._target.write(text)
        self.size_bytes += len(text)


def escaped(text: bytes) -> bytes:
    """JSON text in which nothing looks like HTML, and no line separator of JavaScript is left."""
    plain = text.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
    return plain.replace("\u2028".encode(), b"\\u2028").replace("\u2029".encode(), b"\\u2029")


def _filled(assets: Traversable, nonce: str, *, live: bool) -> Iterator[str | None]:
    """The page in parts; None is where the data comes."""
    page = (assets / "page.html").read_text(encoding="utf-8")
    at = 0
    for found in _PARTS.finditer(page):
        yield page[at : found.start()]
        at = found.end()
        meta, style, script, _ = found.groups()
        if meta is not None:
            yield f'<meta http-equiv="Content-Security-Policy" content="{policy(nonce, live=live)}">'
        elif style is not None:
            yield f'<style nonce="{nonce}">\n{_text(assets, style)}</style>'
        elif script is not None:
            yield f'<script nonce="{nonce}">\n{_text(assets, script)}</script>'
        else:
            yield None
    yield page[at:]


def _text(assets: Traversable, name: str) -> str:
    own = assets / name
    return (own if own.is_file() else _of_call() / name).read_text(encoding="utf-8")


def _of_call() -> Traversable:
    return files("duologue.inspection.page") / "assets"
