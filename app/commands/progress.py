"""How far a job is: a bar on a terminal, a line a minute where a log takes them."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_SECONDS = 60


class ProgressBar:
    """Shows on stderr how many of a job's files are done, how many a second, and how long the others will take."""

    def __init__(self, what: str) -> None:
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._console, self._what = console, what
        self._task: TaskID = self._bar.add_task("Listing the files", total=None, pace="")
        self._files = self._done = self._before = 0
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._bar.stop()

    def listed(self, files: int) -> None:
        """See app.bulk.predict.Progress."""
        self._bar.update(self._task, completed=files)

    def begin(self, files: int, done: int) -> None:
        """See app.bulk.predict.Progress."""
        self._files, self._done, self._before = files, done, done
        self._began = self._said = time.monotonic()
        self._bar.reset(self._task, total=files, completed=done, description=self._what)
        if done:
            self._console.print(f"Going on: {done} of {files} files are done.", highlight=False)

    def follow(self, what: str, done: int, total: int) -> None:
        """Take note of what a job does, and how much of it is done."""
        if what != self._what:
            self._what = what
            self._bar.reset(self._task, total=total, completed=done, description=what)
            if not self._console.is_terminal:
                self._console.print(what, highlight=False)
        self._bar.update(self._task, completed=done, total=total, pace="")

    def advance(self, files: int) -> None:
        """See app.bulk.predict.Progress."""
        self._done += files
        now = time.monotonic()
        pace = (self._done - self._before) / max(now - self._began, 1e-9)
        self._bar.update(self._task, advance=files, pace=f"{pace:.0f}/s")
        if not self._console.is_terminal and now > self._said + LINE_SECONDS:
            self._said = now
            left = (self._files - self._done) / pace / 60
            told = f"{self._done} of {self._files} files, {pace:.0f} a second, about {left:.0f} min left"
            self._console.print(f"{self._what}: {told}", highlight=False)
