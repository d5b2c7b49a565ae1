"""What a model says of every picture in a folder, as CSV:

python examples/predict_folder.py MODEL_ID FOLDER > said.csv
"""

import csv
import sys
from pathlib import Path

from kshot import Client

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

model_id, folder = sys.argv[1:]
pictures = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES)
writer = csv.writer(sys.stdout)
writer.writerow(["picture", "label", "score", "known"])
with Client() as kshot:
    for start in range(0, len(pictures), 50):
        some = pictures[start : start + 50]
        for picture, said in zip(some, kshot.predict(model_id, some).predictions, strict=True):
            writer.writerow([picture, said.label, said.score, said.known])
