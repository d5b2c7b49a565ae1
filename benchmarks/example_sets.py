"""The example sets that the page offers, from tests/data, as zips into app/page/examples.

python -m benchmarks.example_sets
"""

from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

DATA, OUT = Path("tests/data"), Path("app/page/examples")
PARTS = ("support", "query")


def main() -> None:
    """Of the drawings' classes the alphabet alone names them: it is what people see."""
    for kind in ("photos", "drawings"):
        with ZipFile(OUT / f"{kind}.zip", "w", ZIP_STORED) as archive:
            for part in PARTS:
                for file in sorted((DATA / kind / part).glob("*/*")):
                    # Without the time, so that the same files make the same zip.
                    name = ZipInfo(f"{part}/{file.parent.name.split('_')[0]}/{file.name}")
                    archive.writestr(name, file.read_bytes())


if __name__ == "__main__":
    main()
