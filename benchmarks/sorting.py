"""How many actions does it take to sort 480 photos of 8 classes on the page?

    python -m benchmarks.sorting                    # clothing.tar in KSHOT_DATA
    python -m benchmarks.sorting --data ~/my-photos.tar --classes 5 --photos 40

A scripted user, who knows each photo's class, drops them in random order, names one of each class, and sorts. Then it
looks at the 16 that teach most, and after them at the 48 surest, drags each that is wrong to its class, confirms the
rest and sorts again, until at most 3 of 100 photos are wrong, which it confirms as they are. A click, a drag, a name
typed and Enter are an action each; to look and to scroll cost nothing.
"""

import csv
import os
import random
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Locator, Page, expect, sync_playwright

from benchmarks.browser import launch
from benchmarks.machine import describe_machine
from benchmarks.server import running_server
from meta_training.data.sources import image_files

WRONG = 0.03  # share of all photos
TRIES = 3
MINUTES = 5 * 60_000  # in milliseconds, for the slowest step


@dataclass
class User:
    """Acts on the page, and counts."""

    page: Page
    classes: dict[str, str]
    """Of each file."""
    actions: int = 0

    def click(self, target: Locator) -> None:
        """Click."""
        target.click(timeout=MINUTES)
        self.actions += 1

    def name_one_of_each(self) -> None:
        """Click one, type its class's name, press Enter."""
        for name in dict.fromkeys(self.classes.values()):
            file = next(file for file, own in self.classes.items() if own == name)
            self.click(self._tile(file))
            self.page.locator("#sort-name").fill(name)
            self.page.keyboard.press("Enter")
            self.actions += 2

    def put_right(self) -> int:
        """Drag each photo that is shown in a wrong group to its own; return how many there were."""
        wrong = [file for file, group in self.shown().items() if group != self.classes[file]]
        for file in wrong:
            self._drag(file)
        self.actions += len(wrong)
        return len(wrong)

    def _drag(self, file: str) -> None:
        """Drag a photo to its class, again where the browser lost it on the way, or let it fall on another class."""
        target = self.page.get_by_role("button", name=f"Put the selected in {self.classes[file]}", exact=True)
        for _ in range(TRIES):
            self._tile(file).hover()
            self.page.mouse.down()
            for _ in range(3):
                target.hover()
            self.page.mouse.up()
            with suppress(AssertionError):
                expect(self._tile(file)).to_have_count(0)
                if f"put in {self.classes[file]}." in self.page.locator("#note").inner_text():
                    return
                self.click(self.page.locator("#note").get_by_role("button", name="Undo"))
                self.actions += 1  # the drag that is to come
        raise RuntimeError(f"{file} can't be dragged")

    def shown(self) -> dict[str, str]:
        """The group of each photo that isn't confirmed."""
        group = "tile.closest('.group').querySelector('h3').innerText"
        script = f"tiles => tiles.map((tile) => [tile.picture.filename, {group}])"
        return dict(self.page.locator("#sorting").get_by_role("option").evaluate_all(script))

    def sort(self) -> None:
        """Press the button, which confirms what is looked at, and wait until the page has sorted the rest."""
        self.click(self.page.locator("#sorting button.primary"))
        self.page.locator('#sorting[aria-busy="true"]').wait_for()
        self.page.locator('#sorting[aria-busy="false"]').wait_for(timeout=MINUTES)

    def view(self, name: str, *, free: bool = False) -> None:
        """Choose which photos are shown."""
        self.page.get_by_role("radio", name=name).check()
        self.actions += not free

    def _tile(self, file: str) -> Locator:
        return self.page.locator(f'#sorting [role="option"][aria-label^="{file}"]')


def main(
    data: Annotated[
        Path | None, typer.Option(help="Folder, zip or tar of class folders; else clothing.tar in KSHOT_DATA.")
    ] = None,
    classes: Annotated[int, typer.Option(min=2, max=9, help="The first of them, by name.")] = 8,
    photos: Annotated[int, typer.Option(min=2, help="Of each class.")] = 60,
    seed: Annotated[int, typer.Option(help="Decides the order of the photos.")] = 0,
) -> None:
    """Sort, and count."""
    if data is None and "KSHOT_DATA" not in os.environ:
        raise typer.BadParameter("Name a data set, or the folder of clothing.tar by KSHOT_DATA.", param_hint="--data")
    source = data or Path(os.environ["KSHOT_DATA"]) / "clothing.tar"
    with tempfile.TemporaryDirectory() as folder, running_server() as url, sync_playwright() as playwright:
        known = _scattered(source, Path(folder), classes, photos, seed)
        typer.echo(f"{describe_machine()}; {len(known)} photos of {', '.join(sorted(set(known.values())))}\n")
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.locator(".card").first.wait_for()
        page.get_by_label("Pictures to sort").set_input_files([Path(folder) / file for file in known])
        expect(page.locator('#sorting [role="option"]')).to_have_count(len(known), timeout=MINUTES)
        user = User(page, known)
        _sort(user)
        _report(user, Path(folder) / "sorted.csv")
        browser.close()


def _scattered(source: Path, folder: Path, classes: int, photos: int, seed: int) -> dict[str, str]:
    """Write the photos under numbers in random order; return the class of each file."""
    of_class: dict[str, list[bytes]] = {}
    for name, _, content in image_files(source):
        of_class.setdefault(name, []).append(content)
    chosen = [(name, content) for name in sorted(of_class)[:classes] for content in of_class[name][:photos]]
    random.Random(seed).shuffle(chosen)  # noqa: S311 # no secret
    for number, (_, content) in enumerate(chosen):
        (folder / f"{number:04}.jpg").write_bytes(content)
    return {f"{number:04}.jpg": name for number, (name, _) in enumerate(chosen)}


def _sort(user: User) -> None:
    user.name_one_of_each()
    user.sort()
    user.view("teach most")
    user.put_right()
    user.sort()
    user.view("surest")
    typer.echo("| confirmed | of the others wrong | dragged | actions so far |\n|---|---|---|---|")
    while True:
        user.view("All", free=True)  # the script's way to look at all
        left = user.shown()
        wrong = sum(group != user.classes[file] for file, group in left.items())
        user.view("surest", free=True)
        dragged = 0 if wrong <= WRONG * len(user.classes) else user.put_right()
        typer.echo(f"| {len(user.classes) - len(left)} | {wrong} of {len(left)} | {dragged} | {user.actions} |")
        if wrong <= WRONG * len(user.classes):
            break
        user.sort()
    if left:
        user.click(user.page.get_by_role("button", name="Confirm all", exact=True))


def _report(user: User, path: Path) -> None:
    with user.page.expect_download() as download:
        user.click(user.page.get_by_role("button", name="CSV", exact=True))
    download.value.save_as(path)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    right = sum(row["label"] == user.classes[row["file"]] for row in rows)
    typer.echo(f"\n{user.actions} actions; {right} of {len(rows)} photos right: {right / len(rows):.1%}")


if __name__ == "__main__":
    typer.run(main)
