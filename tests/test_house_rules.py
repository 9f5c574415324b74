"""Rules of the house that a reader of one file can't see: held over the whole source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    [*(ROOT / "core").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py"), *(ROOT / "sample_data").rglob("*.py")]
)
PAGES = sorted([*(ROOT / "dashboard").rglob("*.py")])


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a file, with the dotted name of what is called."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_lets_html_or_scripts_through(path: Path) -> None:
    for name, call in calls(path):
        keywords = {keyword.arg for keyword in call.keywords}
        assert not keywords & {"unsafe_allow_html", "unsafe_allow_javascript"}, f"{path.name}: {name}"
        if name.endswith("st.html"):
            assert path.name == "app.py", "only theme.css may go in as HTML"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_chart_has_words_for_those_who_cannot_see_it(path: Path) -> None:
    for name, call in calls(path):
        if name in ("st.plotly_chart", "st.image", "st.table", "st.dataframe"):
            assert "alt" in {keyword.arg for keyword in call.keywords}, f"{path.name}:{call.lineno} {name} lacks alt"


@pytest.mark.parametrize("path", [path for path in PAGES if path.name != "text.py"], ids=lambda path: path.name)
def test_pages_never_link_by_markdown(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\]\((https?:|/|\?)", text), "a Markdown link opens a new session; use st.page_link"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unpickles_evaluates_or_calls_home(path: Path) -> None:
    if "migrations" in path.parts:
        return
    banned = {"pickle.load", "pickle.loads", "joblib.load", "eval", "exec", "yaml.load", "os.system"}
    for name, call in calls(path):
        assert name not in banned, f"{path.name}: {name}"
        assert not any(keyword.arg == "shell" for keyword in call.keywords), f"{path.name}: {name}(shell=...)"
    hosts = set(re.findall(r"https?://([\w.-]+)", path.read_text(encoding="utf-8")))
    assert hosts <= {"127.0.0.1", "www.w3.org", "evil"}, f"{path.name} names {hosts}"


def test_pages_lie_where_streamlit_does_not_serve_them_by_itself() -> None:
    assert not (ROOT / "dashboard" / "pages").exists()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_nouns_of_the_domain(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc", "manager", "constants", "types"}


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    banned = re.compile(r"index-url|pythonhosted|/root/|/home/\w+/")
    for path in ROOT.rglob("*"):
        if set(path.parts) & {".git", ".venv"} or not path.is_file() or path == Path(__file__).resolve():
            continue
        if path.suffix in {".py", ".toml", ".txt", ".md", ".yml", ""} and path.stat().st_size < 2_000_000:
            found = banned.search(path.read_text(encoding="utf-8", errors="ignore"))
            assert found is None, f"{path.relative_to(ROOT)}: {found}"
