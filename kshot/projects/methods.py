"""What the clients do about projects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from kshot import calls
from kshot.calls import Call, P, T
from kshot.projects.project import Project
from kshot.types import AdaptAnswer


class Projects(ABC):
    """The methods of Client that open and save projects."""

    @abstractmethod
    def _send(self, make: Callable[P, Call[T]], *arguments: P.args, **options: P.kwargs) -> T: ...

    def open_project(self, path: str | Path) -> AdaptAnswer:
        """Adapt to the pictures of a project's file, with its settings, and return the new model's record."""
        return self._send(calls.adapt, path, Project.read(path).options)

    def save_project(self, model_id: str, path: str | Path) -> Project:
        """Write a model's pictures, as the network saw them, its classes and checkpoint to a project's file.

        The server must have kept them. Raises UnsendableError for a model of texts or numbers. Also raises OSError.
        """
        project = Project.of_model(self._send(calls.model, model_id), self._send(calls.images, model_id).images)
        contents = {each.file: self._send(calls.image, model_id, each.index or 0) for each in project.pictures}
        project.write(path, contents)
        return project


class AsyncProjects(ABC):
    """The methods of AsyncClient that open and save projects."""

    @abstractmethod
    async def _send(self, make: Callable[P, Call[T]], *arguments: P.args, **options: P.kwargs) -> T: ...

    async def open_project(self, path: str | Path) -> AdaptAnswer:
        """See Projects.open_project."""
        return await self._send(calls.adapt, path, Project.read(path).options)

    async def save_project(self, model_id: str, path: str | Path) -> Project:
        """See Projects.save_project."""
        images = (await self._send(calls.images, model_id)).images
        project = Project.of_model(await self._send(calls.model, model_id), images)
        contents = {each.file: await self._send(calls.image, model_id, each.index or 0) for each in project.pictures}
        project.write(path, contents)
        return project
