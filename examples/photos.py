"""A classifier of a folder of photos, which has a folder for each class, and a better version of it:

python examples/photos.py [FOLDER]
"""

import sys
from pathlib import Path

from kshot import Client

PHOTOS = Path(__file__).parent.parent / "tests" / "data" / "photos" / "support"

with Client() as kshot:
    model = kshot.adapt(Path(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS, ttl_seconds=3600)
    print(f"Model {model.id} knows {', '.join(model.classes)}.")
    if model.validation:
        print(f"Of new photos it should get {model.validation.accuracy:.0%} right.")
    hardest = model.hardest_images[0]
    print(f"It finds {hardest.filename} the hardest, labelled {hardest.label}: a version without it.")
    version = kshot.revise(model.id, remove=[hardest.index])
    print(f"Version {version.version} is {version.id}, of {sum(version.shots.values())} photos.")
