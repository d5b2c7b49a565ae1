"""Write tasks as tables, a CSV each, for `kshot train --preset vectors`: a task is one of scikit-learn's drawn digits.

    pip install scikit-learn
    python examples/digits_tasks.py digits
    kshot train --preset vectors --data digits --name digits

Of an image of 8×8 places a table has row, column and ink; to learn a task is to complete an image from some of its
places. 200 images to train on, 20 others to test on.
"""

import csv
import sys
from pathlib import Path

from sklearn.datasets import load_digits

PARTS = {"train": range(200), "test": range(200, 220)}

images = load_digits().images
for part, numbers in PARTS.items():
    folder = Path(sys.argv[1]) / part
    folder.mkdir(parents=True)
    for number in numbers:
        with (folder / f"image-{number}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["row", "column", "ink"])
            writer.writerows([row, column, images[number, row, column]] for row in range(8) for column in range(8))
