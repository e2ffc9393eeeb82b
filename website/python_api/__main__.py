"""Write the index of the Python API: `python -m website.python_api`."""

from website.pages import ROOT
from website.python_api.pages import index_page

if __name__ == "__main__":
    (ROOT / "docs" / "reference" / "python.md").write_text(index_page(), encoding="utf-8")
