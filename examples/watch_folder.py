"""A folder that sorts itself, and learns from whoever corrects it:

python examples/watch_folder.py FOLDER

Put a few pictures of each class into FOLDER/labelled/CLASS/, and what is to be sorted into FOLDER/inbox/: it moves to
FOLDER/sorted/CLASS/, or to FOLDER/sorted/unsure/. What you move on to FOLDER/labelled/CLASS/ is learnt.
"""

import sys
import time
from pathlib import Path

from kshot import AdaptAnswer, Client, Prediction

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".heic"}
SECONDS = 1  # between two looks; a file that changed since the last one may not be whole
TOGETHER = 50
SURE = 0.7


def pictures(folder: Path) -> list[Path]:
    """Return the whole pictures in a folder, at any depth."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in found if time.time() - path.stat().st_mtime > SECONDS)


def place(said: Prediction | None) -> str:
    """Return the folder for a picture; None is one that can't be read."""
    return said.label if said and said.known is not False and said.score >= SURE else "unsure"


def move(picture: Path, folder: Path) -> None:
    """Move a picture, whatever is called like it there."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / picture.name
    while target.exists():
        target = target.with_stem(f"{target.stem}-again")
    picture.rename(target)
    print(f"{picture.name} → {folder.name}", flush=True)


def sort(kshot: Client, model: AdaptAnswer, folder: Path) -> None:
    """Move what lies in the inbox."""
    waiting = pictures(folder / "inbox")[:TOGETHER]
    if not waiting:
        return
    answer = kshot.predict(model.id, waiting, on_error="skip")
    said = {each.index: each for each in answer.predictions}
    for index, picture in enumerate(waiting):
        move(picture, folder / "sorted" / place(said.get(index)))


folder = Path(sys.argv[1])
learnt, model = None, None
with Client() as kshot:
    while True:
        shown = [(path.parent.name, path) for path in pictures(folder / "labelled")]
        if shown != learnt and len({label for label, _ in shown}) > 1:
            before, learnt, model = model, shown, kshot.adapt(shown, name=folder.name)
            if before:
                kshot.delete(before.id)
            print(f"Learnt {len(shown)} pictures of {', '.join(model.classes)}", flush=True)
        if model:
            sort(kshot, model, folder)
        time.sleep(SECONDS)
