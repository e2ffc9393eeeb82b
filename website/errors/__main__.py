"""Write the page of errors: `python -m website.errors`."""

from __future__ import annotations

from website.errors.pages import errors_page
from website.pages import ROOT

if __name__ == "__main__":
    (ROOT / "docs" / "reference" / "errors.md").write_text(errors_page(), encoding="utf-8")
