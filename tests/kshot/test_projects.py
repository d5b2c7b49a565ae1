"""Projects by the client and the command line: what is saved opens again as what it was."""

from __future__ import annotations

import asyncio
import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kshot import AsyncClient, Client, Project, UnsendableError
from kshot.__main__ import command_line
from tests.app.drawings import FOLDER
from tests.serving import Server


def test_a_project_that_was_saved_opens_as_the_same_model(server: Server, client: Client, tmp_path: Path) -> None:
    model = client.adapt(FOLDER, name="symbols", keep_images=True)
    file = tmp_path / "symbols.zip"
    saved = CliRunner().invoke(command_line(), ["project", "save", model.id, str(file), "--url", server.url])
    assert saved.stdout == f"Wrote {file}, 25 pictures of 5 classes\n"
    project = Project.read(file)
    assert (project.model_id, project.classes, project.name) == (model.id, model.classes, "symbols")
    run = CliRunner().invoke(command_line(), ["project", "open", str(file), "--json", "--url", server.url])
    again = json.loads(run.stdout)
    assert again["name"] == "symbols"
    assert again["shots"] == model.shots
    assert again["loss_curve"] == pytest.approx(model.loss_curve, rel=1e-4)
    assert client.adapt(file).shots == model.shots  # /adapt takes the file as an archive

    async def of_async_client() -> dict[str, int]:
        async with AsyncClient(server.url) as kshot:
            await kshot.save_project(model.id, tmp_path / "async.zip")
            return (await kshot.open_project(tmp_path / "async.zip")).shots

    assert asyncio.run(of_async_client()) == model.shots


NEWER = {"format_version": 99, "checkpoint": "omniglot", "classes": [], "pictures": []}


@pytest.mark.parametrize(("contents", "why"), [(b"no zip", "damaged"), (NEWER, "newer release"), ({}, "no project")])
def test_what_is_no_project_is_refused_with_the_remedy(
    contents: bytes | dict[str, object], why: str, tmp_path: Path
) -> None:
    file = tmp_path / "x.zip"
    if isinstance(contents, bytes):
        file.write_bytes(contents)
    else:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("project.json", json.dumps(contents))
    with pytest.raises(UnsendableError, match=rf"can't be opened as a project.*{why}.*that the page saved"):
        Project.read(file)
