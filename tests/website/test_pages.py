"""Pages as the generator gets them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from duologue import __version__
from website.pages import ROOT, description, prepare
from website.settings import settings


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("pages") / "pages"
    prepare(target)
    return target


def test_links_of_a_file_beside_docs_lead_to_pages(prepared: Path) -> None:
    text = (prepared / "security.md").read_text(encoding="utf-8")
    assert "[THREAT_MODEL.md](threat-model.md)" in text
    changes = (prepared / "changes.md").read_text(encoding="utf-8")
    assert "(docs/" not in changes
    assert "](howto/production.md#more-than-one-machine)" in changes


def test_a_file_of_the_operators_comes_with_the_page_that_names_it(prepared: Path) -> None:
    assert "[duologue.json](../deploy/grafana/duologue.json)" in (prepared / "howto" / "serve.md").read_text(
        encoding="utf-8"
    )
    dashboard = Path("deploy") / "grafana" / "duologue.json"
    assert (prepared / dashboard).read_bytes() == (ROOT / dashboard).read_bytes()


def test_the_search_leaves_out_what_names_everything(prepared: Path) -> None:
    unsearched = {
        path.relative_to(prepared).as_posix()
        for path in prepared.rglob("*.md")
        if "\nsearch: {exclude: true}\n" in path.read_text(encoding="utf-8").split("\n---\n")[0] + "\n"
    }
    assert unsearched == {"changes.md"}


def test_code_keeps_what_looks_like_a_link(prepared: Path) -> None:
    for path in (prepared / "tutorial.md", prepared / "howto" / "tools.md"):
        source = (ROOT / "docs" / path.relative_to(prepared)).read_text(encoding="utf-8")
        for block in source.split("```")[1::2]:
            assert block in path.read_text(encoding="utf-8")


def test_a_picture_with_a_dark_version_has_both(prepared: Path) -> None:
    text = (prepared / "howto" / "see-a-call.md").read_text(encoding="utf-8")
    assert "(../pictures/call-light.png#only-light)" in text
    assert "(../pictures/call-dark.png#only-dark)" in text
    assert "(../pictures/load-light.png)" in (prepared / "howto" / "how-much-can-it-hold.md").read_text(
        encoding="utf-8"
    )


def test_every_page_has_a_description_that_says_something(prepared: Path) -> None:
    for path in prepared.rglob("*.md"):
        line = next(each for each in path.read_text(encoding="utf-8").splitlines() if each.startswith("description: "))
        assert len(line) > 30, (path.relative_to(prepared), line)


def test_a_description_is_the_first_paragraph_without_its_marks() -> None:
    text = "# A title\n\n```sh\nmake\n```\n\nSay `converse`, and\n[go on](there.md) **now**.\n\nMore.\n"
    assert description(text) == "Say converse, and go on now."
    assert len(description("word " * 100)) <= 202
    assert description("# A title\n") == ""


def test_the_settings_have_the_version_and_no_address_that_is_not_known() -> None:
    read = tomllib.loads(settings(ROOT))["project"]
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"].get("urls", {})
    assert read["extra"]["release"] == __version__
    assert Path(read["theme"]["custom_dir"]).is_dir()
    assert read.get("repo_url") == urls.get("Repository")
    assert read.get("site_url") == urls.get("Documentation")


def test_addresses_come_from_the_package(tmp_path: Path) -> None:
    (tmp_path / "website").mkdir()
    written = (ROOT / "website" / "zensical.toml").read_text(encoding="utf-8")
    (tmp_path / "website" / "zensical.toml").write_text(written, encoding="utf-8")
    addresses = (
        '[project.urls]\nRepository = "https://code.example/duologue"\nDocumentation = "https://docs.example/"\n'
    )
    (tmp_path / "pyproject.toml").write_text(f"[project]\n{addresses}", encoding="utf-8")
    read = tomllib.loads(settings(tmp_path))["project"]
    assert read["repo_url"] == "https://code.example/duologue"
    assert read["site_url"] == "https://docs.example/"
