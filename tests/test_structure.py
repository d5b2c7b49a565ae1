"""Who may import whom, how large a file and a room may grow, and a server without the training dependencies."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parent.parent
PACKAGES = ("app", "kshot", "meta_training", "models")
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
MOST_LINES = 250
MOST_MODULES = 12  # in a folder, its __init__.py aside
MOST_AT_APPS_ROOT = 5  # with __init__.py


def test_imports_run_in_the_direction_of_dependence(capsys: pytest.CaptureFixture[str]) -> None:
    """The contracts are in pyproject.toml."""
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None, verbose=False)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    assert FILES
    sizes = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in FILES}
    assert {name: lines for name, lines in sizes.items() if lines > MOST_LINES} == {}


def test_no_room_holds_more_than_a_dozen_modules() -> None:
    rooms = {file.parent for file in FILES}
    sizes = {str(room.relative_to(ROOT)): len([*room.glob("*.py")]) - 1 for room in rooms}
    assert {name: modules for name, modules in sizes.items() if modules > MOST_MODULES} == {}
    assert len([*(ROOT / "app").glob("*.py")]) <= MOST_AT_APPS_ROOT


def test_nobody_asks_a_part_or_a_store_what_type_it_is() -> None:
    answer_for_themselves = _subclasses({"Part"}) | _stores()
    assert {"DirectoryStore", "ObjectStore", "Conv4", "LogisticHead"} <= answer_for_themselves
    asked = {
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"
        if {each.id for each in ast.walk(node.args[1]) if isinstance(each, ast.Name)} & answer_for_themselves
    }
    assert asked == set()


def _stores() -> set[str]:
    return {
        node.name
        for file in (ROOT / "app" / "store").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Store")
    }


def _subclasses(roots: set[str]) -> set[str]:
    """The names of these classes, and of all that are made from them."""
    bases = {
        node.name: {each.id for base in node.bases for each in ast.walk(base) if isinstance(each, ast.Name)}
        for file in FILES
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.ClassDef)
    }
    found = set(roots)
    while more := {name for name, those in bases.items() if those & found} - found:
        found |= more
    return found


def test_the_service_is_made_without_the_training_dependencies(tmp_path: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    training = [requirement.split(">")[0].replace("-", "_") for requirement in extras["train"]]
    make = f"""
import sys
sys.modules.update(dict.fromkeys({[*training, "meta_training"]!r}))  # None: importing it is an ImportError
from app.main import create_app
from app.settings import Settings
create_app(Settings(store={str(tmp_path)!r}))
"""
    assert training
    _run_python(make)


def test_the_command_line_answers_without_importing_torch() -> None:
    _run_python("""
import sys
from kshot.__main__ import command_line
command_line()
heavy = {"torch", "fastapi", "uvicorn", "PIL"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
""")


def _run_python(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
