"""One version, wherever it is written."""

import re
from pathlib import Path

import yaml
from packaging.version import Version

import mmselfhuman

ROOT = Path(__file__).resolve().parents[2]


def _first(pattern: str, name: str) -> re.Match:
    return re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)


def test_it_is_one_that_pip_reads_as_it_is_written() -> None:
    assert str(Version(mmselfhuman.__version__)) == mmselfhuman.__version__


def test_the_changelog_begins_with_it_and_the_citations_name_it() -> None:
    release = _first(r"^## (\d\S*) - (\d{4}-\d\d-\d\d)$", "CHANGELOG.md")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert release[1] == citation["version"] == mmselfhuman.__version__
    assert release[2] == str(citation["date-released"])
    assert _first(r"Version (\S+)}", "README.md")[1] == mmselfhuman.__version__


def test_the_citation_is_of_this_package_and_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    papers = {yaml.safe_load(path.read_text())["Collections"][0]["Paper"]["URL"] for path in _metafiles()}
    assert f"https://doi.org/{citation['references'][0]['doi']}" in papers
    assert _first(r'license="(\S+)"', "setup.py")[1] == citation["license"]


def _metafiles() -> list[Path]:
    return sorted(ROOT.glob("configs/*/metafile.yml"))
