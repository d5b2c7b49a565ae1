"""A folder that sorts itself, and learns from whoever corrects it:

python examples/watch_folder.py FOLDER

Put a few pictures of each class into FOLDER/labelled/CLASS/, and what is to be sorted into FOLDER/inbox/: it moves to
FOLDER/sorted/CLASS/, or to FOLDER/sorted/unsure/. What you move on to FOLDER/labelled/CLASS/ is learnt.
"""

import sys
import time
from pathlib import Path

from kshot import AdaptAnswer, APIError, Client, ClientError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".heic"}
SECONDS = 1  # between two looks; a file that changed since the last one may not be whole
SURE = 0.7
DAY = 86400


def pictures(folder: Path) -> list[Path]:
    """Return the whole pictures in a folder, at any depth."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in found if time.time() - path.stat().st_mtime > SECONDS)


def place(kshot: Client, model: AdaptAnswer, picture: Path) -> str:
    """Return the folder for a picture."""
    try:
        (said,) = kshot.predict(model.id, [picture]).predictions
    except APIError as error:
        if error.problem.status != 422:
            raise
        return "unsure"  # it can't be read
    return said.label if said.known is not False and said.score >= SURE else "unsure"


def move(picture: Path, folder: Path) -> None:
    """Move a picture, whatever is called like it there."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / picture.name
    while target.exists():
        target = target.with_stem(f"{target.stem}-again")
    picture.rename(target)
    print(f"{picture.name} → {folder.name}", flush=True)


class Watch:
    """A folder, and the model of what is labelled there."""

    def __init__(self, kshot: Client, folder: Path) -> None:
        self.kshot, self.folder = kshot, folder
        self.learnt: list[tuple[str, Path]] = []
        self.model: AdaptAnswer | None = None

    def look(self) -> None:
        """Learn what is new, and sort what lies in the inbox. Raises ClientError or OSError; it may go on after."""
        shown = [(path.parent.name, path) for path in pictures(self.folder / "labelled")]
        if shown != self.learnt and len({label for label, _ in shown}) > 1:
            self.model = self.kshot.adapt(shown, name=self.folder.name, ttl_seconds=DAY)
            self.learnt = shown
            print(f"Learnt {len(shown)} pictures of {', '.join(self.model.classes)}", flush=True)
        for picture in pictures(self.folder / "inbox") if self.model else []:
            move(picture, self.folder / "sorted" / place(self.kshot, self.model, picture))


with Client() as kshot:
    watch = Watch(kshot, Path(sys.argv[1]))
    while True:
        try:
            watch.look()
        except (ClientError, OSError) as error:  # a server that starts anew, a file that was moved meanwhile
            print(error, file=sys.stderr, flush=True)
        time.sleep(SECONDS)
