"""Switches of the whole process: `kshot serve` sets them, and nothing else does."""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from app.server.process import ENVIRONMENT
from models.kernels import compilation
from tests.app.drawings import adapt
from tests.serving import Command, wait_until

ROOT = Path(__file__).parents[3]
OURS = ("kshot", "models", "meta_training", "app")
WATCHED = """
import gc, importlib, json, logging, os, pathlib, sys, warnings
from contextlib import suppress

shown = warnings.showwarning

def switches():
    root, torch = logging.getLogger(), sys.modules.get("torch")
    return {
        "switch interval": sys.getswitchinterval(),
        "garbage": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()],
        "warnings": [[str(each) for each in warnings.filters], warnings.showwarning is shown],
        "root logger": [root.level, [str(each) for each in root.handlers]],
        "threads": torch and [torch.get_num_threads(), torch.get_num_interop_threads()],
        "environment": dict(os.environ),
        "malloc": calls.read_text() if calls.exists() else "",
    }

asked = json.loads(sys.stdin.read())
calls = pathlib.Path(os.environ["KSHOT_MALLOC_CALLS"])
for name in asked["libraries"]:  # what they do to the process is theirs
    with suppress(ImportError):
        importlib.import_module(name)
before = switches()
for name in asked["modules"]:
    importlib.import_module(name)
from app.main import create_app
from app.settings import Settings
create_app(Settings(store=asked["store"]))
after = switches()
print(json.dumps({name: [before[name], after[name]] for name in before if before[name] != after[name]}))
"""

PAGE_FAULTS = """
import resource, torch
from models.architecture import Architecture
from models.networks.conv4.network import Conv4
from models.heads.prototype import PrototypeHead
from models.inner_loop import by_autograd, inner_loop
from models.optimizers import Adam
from models.tasks import TaskBatch

torch.set_num_threads(1)
architecture = Architecture(Conv4(channels=1, size=28), PrototypeHead(), Adam())
batch = TaskBatch(torch.rand(2, 10, 28, 28, 1), torch.arange(10).expand(2, 10), torch.full((2,), 10))
phi, moments = architecture.start(architecture.initialize(seed=0), batch)

def steps():
    inner_loop(by_autograd(architecture.loss), phi, moments, [(batch, torch.full((2,), 1e-3))] * 2, Adam())

for _ in range(8):
    steps()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    steps()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
SCATTERED = """
import psutil, torch
from app.server.process import trim_malloc

blocks = [torch.ones(16_000) for _ in range(4000)]
del blocks[::2]
before = psutil.Process().memory_info().rss
trim_malloc()
print(before - psutil.Process().memory_info().rss)
"""
of_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone has these switches")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that counts calls of mallopt and malloc_trim."""
    if not shutil.which("cc"):
        pytest.skip("needs a C compiler, to count calls of malloc's switches")
    built = tmp_path_factory.mktemp("malloc") / "malloc.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", built, Path(__file__).with_name("malloc.c"), "-ldl"], check=True)
    return built


@pytest.fixture
def counted(shim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that has a byte for each call in processes started from now on."""
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("KSHOT_MALLOC_CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def test_the_container_sets_the_environment_so_that_the_server_starts_once() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert all(re.search(rf"\b{name}={value}\b", dockerfile) for name, value in ENVIRONMENT.items())


def test_nothing_about_its_use_is_kept_in_the_home_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import models.encoders.onnx_session"]
    subprocess.run(command, env=os.environ | ENVIRONMENT | {"HOME": str(tmp_path)}, check=True)
    assert not list(tmp_path.iterdir())


def files() -> Iterator[Path]:
    for package in OURS:
        yield from (file for file in ROOT.joinpath(package).rglob("*.py") if file.name != "__main__.py")


def modules() -> list[str]:
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files())
    others = set() if find_spec("ray") else {"app.server.ray_serve"}
    return sorted({name.removesuffix(".__init__") for name in names} - others)


def libraries() -> list[str]:
    """All that these import and that isn't ours."""
    found = set()
    for node in (node for file in files() for node in ast.walk(ast.parse(file.read_bytes()))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return sorted(name for name in found if name.split(".")[0] not in OURS)


@pytest.mark.usefixtures("counted")
def test_importing_every_module_and_create_app_change_nothing_of_the_process(tmp_path: Path) -> None:
    assert len(modules()) > 100
    asked = {"libraries": libraries(), "modules": modules(), "store": str(tmp_path / "models")}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], input=json.dumps(asked), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


def test_the_shim_counts(counted: Path) -> None:
    call = "import ctypes; ctypes.CDLL(None).malloc_trim(0); ctypes.CDLL(None).mallopt(-8, 1)"
    subprocess.run([sys.executable, "-c", call], check=True)
    assert counted.read_text() == "TM"


def test_kshot_serve_has_its_environment_and_gives_freed_memory_back(
    counted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    server = Command(tmp_path, compiled=True)
    server.environment = {"MALLOC_TOP_PAD_": "65536"}  # what the user has set stays
    server.start()
    try:
        assert adapt(server.url, steps=0).status_code == 201
        server.wait_for_log(f'"compiler": "{compilation.describe()}"')
        assert server.process
        environment = psutil.Process(server.process.pid).environ()
        assert {name: environment[name] for name in ENVIRONMENT} == {**ENVIRONMENT, "MALLOC_TOP_PAD_": "65536"}
        wait_until(lambda: counted.exists() and "T" in counted.read_text(), 10)
        assert "M" not in counted.read_text()
    finally:
        server.stop()


def printed(code: str, environment: Mapping[str, str]) -> int:
    """Return the number that the code prints in a process with this environment."""
    others = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**others, **environment}, capture_output=True, text=True, check=True)
    return int(done.stdout)


@of_glibc
def test_memory_that_an_inner_step_frees_is_there_for_the_next() -> None:
    assert printed(PAGE_FAULTS, ENVIRONMENT) < printed(PAGE_FAULTS, {}) / 5


@of_glibc
def test_what_lies_free_among_other_memory_is_given_back() -> None:
    assert printed(SCATTERED, ENVIRONMENT) > 2000 * 16_000 * 4 * 0.9
