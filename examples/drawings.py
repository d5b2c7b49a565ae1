"""A classifier of drawn symbols, and how it learns. With a server running: python examples/drawings.py"""

from pathlib import Path

from kshot import Client, StepEvent

DRAWINGS = Path(__file__).parent.parent / "tests" / "data" / "drawings"

with Client() as kshot:
    for event in kshot.adapt_events(DRAWINGS / "support", checkpoint="omniglot"):
        if isinstance(event, StepEvent):
            print(f"step {event.step} of {event.steps}: loss {event.loss:.4f}")
        else:
            model = event
    pictures = sorted((DRAWINGS / "query").glob("*/*.png"))
    for picture, said in zip(pictures, kshot.predict(model.id, pictures).predictions, strict=True):
        print(f"{picture.parent.name}/{picture.name} is {said.label} ({said.score:.0%})")
