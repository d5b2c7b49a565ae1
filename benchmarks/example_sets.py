"""The example sets that the page offers, from tests/data, as JSON with data URLs into app/page/examples.

python -m benchmarks.example_sets
"""

import json
import mimetypes
from base64 import b64encode
from pathlib import Path

DATA, OUT = Path("tests/data"), Path("app/page/examples")


def main() -> None:
    """Of the drawings' classes the alphabet alone names them: it is what people see."""
    for kind in ("photos", "drawings"):
        classes: dict[str, list[dict[str, str]]] = {}
        for file in sorted((DATA / kind / "support").glob("*/*")):
            classes.setdefault(file.parent.name.split("_")[0], []).append(picture(file))
        # By turns of the classes.
        new = sorted((DATA / kind / "query").glob("*/*"), key=lambda file: (file.name, file.parent.name))
        example = {"classes": classes, "queries": [*map(picture, new)]}
        (OUT / f"{kind}.json").write_text(json.dumps(example, indent=0) + "\n")


def picture(file: Path) -> dict[str, str]:
    """A picture's name, and its bytes as they are."""
    kind = mimetypes.guess_type(file.name)[0]
    return {"filename": file.name, "image": f"data:{kind};base64,{b64encode(file.read_bytes()).decode()}"}


if __name__ == "__main__":
    main()
