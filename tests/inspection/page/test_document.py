"""One HTML file."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from duologue.inspection.page.document import Document, escaped, policy

PAGE = """<html><head><meta http-equiv="Content-Security-Policy" content="default-src 'none'">
<link rel="stylesheet" href="style.css"></head><body><!-- data -->
<script src="one.js"></script><script src="two.js"></script></body></html>"""


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    for name, text in (("page.html", PAGE), ("style.css", "p {}\n"), ("one.js", "one()\n"), ("two.js", "two()\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_assets_and_data_are_inlined_in_the_order_of_the_page(assets: Path) -> None:
    target = io.BytesIO()
    document = Document(target, nonce="abc", assets=assets)
    document.packed("frames-0", b"AAAA")
    document.data("call", b'{"a":"</script><b>&"}')
    document.close()
    text = target.getvalue().decode()
    assert document.size_bytes == len(target.getvalue())
    assert re.sub(r"\s+", "", text).index("p{}") < text.index("frames-0") < text.index("call") < text.index("one()")
    assert text.index("one()") < text.index("two()")
    assert 'href="style.css"' not in text
    assert "src=" not in text.replace("-src", "")
    assert text.count('nonce="abc"') == 3
    assert re.search(r'id="call">(.*?)</script>', text, re.DOTALL)
    found = re.search(r'id="call">(.*?)</script>', text)
    assert found is not None
    assert json.loads(found[1]) == {"a": "</script><b>&"}


def test_nothing_of_the_data_looks_like_html() -> None:
    text = escaped('{"a":"<!-- <script> </SCRIPT> ]]> & \u2028\u2029"}'.encode())
    assert not set(b"<>&") & set(text)
    assert "\u2028" not in text.decode()
    assert json.loads(text) == {"a": "<!-- <script> </SCRIPT> ]]> & \u2028\u2029"}


def test_only_a_live_page_may_ask_its_own_server() -> None:
    assert "connect-src" not in policy("n")
    assert "default-src 'none'" in policy("n")
    assert "connect-src 'self'" in policy("n", live=True)


def test_no_asset_of_the_package_ends_its_own_element() -> None:
    target = io.BytesIO()
    document = Document(target, nonce="abc")
    document.close()
    text = target.getvalue().decode()
    opened = len(re.findall(r"<script[ >]", text))
    assert opened == text.count("</script>") == text.count('<script nonce="abc">')
    assert not re.search(r"https?://", text)
