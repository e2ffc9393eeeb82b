"""Build the site of the docs; a broken link is an error.

python -m website            writes build/site
"""

from website.build import build
from website.pages import ROOT

if __name__ == "__main__":
    build(ROOT / "build")
