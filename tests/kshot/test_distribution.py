"""The distributions `kshot` and `kshot-server` as they are built, and `kshot` alone in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import kshot
from tests.app.drawings import DRAWINGS, QUERY
from tests.serving import Server

ROOT = Path(__file__).parents[2]
MOST_BYTES = 35_000_000
HEAVY = {"PIL", "fastapi", "numba", "numpy", "onnxruntime", "starlette", "torch", "uvicorn"}
OURS = {"app", "benchmarks", "meta_training", "models", "tests"}


def build(project: Path, folder: Path) -> Path:
    """Build a project's wheel and return its path."""
    # -P: in kshot/, types.py would stand for the standard library's.
    command = [sys.executable, "-P", "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=project, check=True)
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT / "kshot", tmp_path_factory.mktemp("kshot"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with `kshot` and what it depends on, without pip."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder)]
    constraints = str(ROOT / "constraints.txt")
    subprocess.run([*pip, "install", "--quiet", "-c", constraints, str(wheel)], check=True)
    return folder


def run(environment: Path, *command: object, **variables: str) -> str:
    """Run a program of the environment away from the sources; return what it prints."""
    program, *arguments = map(str, command)
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    path = environment / "bin" / program
    done = subprocess.run(
        [path, *arguments], cwd=environment, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_kshot_alone_holds_one_package_and_is_small(environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    names = {path.name for path in packages.iterdir()}
    assert "kshot" in names
    assert not names & (HEAVY | OURS)
    assert sum(path.lstat().st_size for path in packages.rglob("*")) < MOST_BYTES


def test_kshot_alone_imports_quickly_and_nothing_heavy(environment: Path) -> None:
    code = """
import json, sys, time
start = time.process_time()
import kshot
alone = time.process_time() - start
from kshot import *
print(json.dumps([alone, time.process_time() - start, sorted(sys.modules)]))
"""
    alone, with_every_name, modules = json.loads(run(environment, "python", "-c", code))
    assert alone < 0.1
    assert with_every_name < 0.6
    assert not set(modules) & (HEAVY | OURS)


def test_kshot_alone_adapts_and_predicts(environment: Path, server: Server) -> None:
    code = f"""
from kshot import Client
with Client() as client:
    model = client.adapt({str(DRAWINGS / "support")!r})
    answer = client.predict(model.id, {[str(path) for path in QUERY]!r})
print(len(answer.predictions))
"""
    assert run(environment, "python", "-c", code, KSHOT_URL=server.url) == f"{len(QUERY)}\n"
    adapted = run(environment, "kshot", "adapt", DRAWINGS / "support", "--json", KSHOT_URL=server.url)
    predicted = run(environment, "kshot", "predict", json.loads(adapted)["id"], QUERY[0], KSHOT_URL=server.url)
    assert str(QUERY[0]) in predicted


@pytest.mark.parametrize(("command", "extra"), [("serve", "serve"), ("keys", "serve"), ("train", "train")])
def test_kshot_alone_says_how_to_install_what_the_server_adds(environment: Path, command: str, extra: str) -> None:
    done = subprocess.run(
        [environment / "bin" / "kshot", command, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"pip install 'kshot[{extra}]'" in done.stderr
    assert command in run(environment, "kshot", "--help")


def test_the_servers_wheel_holds_the_server_and_what_ships_with_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(build(ROOT, tmp_path)) as built:
        files = set(built.namelist())
    assert {name.split("/")[0] for name in files if ".dist-info/" not in name} == {"app", "models", "meta_training"}
    assert {"app/page/index.html", "models/checkpoints/photo.safetensors", "app/py.typed"} <= files


def test_the_two_distributions_ask_for_each_others_version() -> None:
    requirements = [
        *_requirements(ROOT / "pyproject.toml", "kshot"),
        *_requirements(ROOT / "kshot" / "pyproject.toml", "kshot-server"),
    ]
    assert len(requirements) >= 2
    assert all(each.specifier.contains(kshot.__version__) for each in requirements)
    assert not any(each.specifier.contains("99") for each in requirements)


def test_every_public_name_is_there() -> None:
    assert all(getattr(kshot, name) for name in kshot.__all__)
    assert set(kshot.__all__) <= set(dir(kshot))
    with pytest.raises(AttributeError, match="nope"):
        _ = kshot.nope


def _requirements(pyproject: Path, name: str) -> list[Requirement]:
    """What a project requires of `name`, by itself or by an extra."""
    project = tomllib.loads(pyproject.read_text())["project"]
    lines = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    return [each for each in map(Requirement, lines) if each.name == name]
