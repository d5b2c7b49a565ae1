"""What the documents name exists: links, files, functions, commands; and the map has every folder."""

from __future__ import annotations

import ast
import importlib.util
import re
import unicodedata
from pathlib import Path

import pytest

from tests.documents import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
MAPPED = ("app", "kshot", "meta_training", "models")
PATH = re.compile(r"`((?:app|benchmarks|docs|examples|kshot|meta_training|models|tests)/[\w./-]*)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_benchmark_that_is_named_exists(document: Path) -> None:
    text = document.read_text()
    assert [path for path in PATH.findall(text) if not (ROOT / path).exists()] == []
    modules = set(re.findall(r"python -m ((?:benchmarks|tests)\.[\w.]+)", text))
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


def test_the_map_has_a_line_for_every_folder_and_no_other() -> None:
    mapped = re.findall(r"^\| `([\w/]+)/` \|", ARCHITECTURE, re.MULTILINE)
    folders = [path.parent for top in MAPPED for path in (ROOT / top).rglob("*.*") if "__pycache__" not in path.parts]
    there = {folder.relative_to(ROOT).as_posix() for folder in folders if not is_a_blank_room(folder)}
    assert sorted(mapped) == sorted(there)


def test_every_function_of_the_journeys_is_in_a_file_that_its_step_names() -> None:
    steps = re.findall(r"^\d+\. (.*?)(?=\n\d+\. |\n\n|\Z)", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert len(steps) > 30
    for step in steps:
        defined = {name for path in PATH.findall(step) for name in names_in(ROOT / path)}
        named = re.findall(r"`([\w.]+)\(\)`|`([A-Z]\w*[a-z]\w*)`", step)
        assert [name for names in named for name in names if name and name not in defined] == [], step


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    kept = ("".join(c for c in heading.lower() if c in "-_ " or is_word(c)) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in kept}


def is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN"


def is_a_blank_room(folder: Path) -> bool:
    """Whether a folder holds nothing but other folders."""
    return not any(path.is_file() for path in folder.iterdir())


def names_in(path: Path) -> set[str]:
    """Return the functions of a module, and its methods as Class.method."""
    if path.suffix != ".py":
        return set()
    body = ast.parse(path.read_bytes()).body
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    found = {node.name for node in body if isinstance(node, functions)}
    for node in body:
        if isinstance(node, ast.ClassDef):
            found |= {node.name} | {f"{node.name}.{each.name}" for each in node.body if isinstance(each, functions)}
    return found
