"""Who may import whom: app → models ← meta_training, app → kshot; and a server without the training dependencies."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "kshot": {"app", "models", "meta_training", "fastapi", "numba", "numpy", "starlette", "torch"},
    "app": {"meta_training"},
    "models": {"app", "meta_training"},
    "meta_training": {"app"},
}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_only_in_the_direction_of_dependence(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {module}"
        for file in files
        for line, module in _imports(file)
        if module.split(".")[0] in FORBIDDEN[package]
    ]
    assert files
    assert wrong == []


def _imports(file: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import of a file, those inside functions too."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


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
