"""Named runs. Each states the result and the time it gives, and who chose its values how."""

from meta_training.config import TrainConfig
from models.metadata import HeadSpec, InnerSpec
from models.preprocess import InputSpec

OMNIGLOT = TrainConfig(
    name="omniglot",
    input=InputSpec(channels=1, size=28, mean=1.0, std=-1.0),
    head=HeadSpec(policy="prototype", temperature=200.0),
    inner=InnerSpec(steps=5, learning_rate=1e-3),
    ways=(5, 40),
    shots=10,
    head_shots=3,
    inner_batch=32,
    inner_steps=6,
    learning_rate=1e-3,
    meta_steps=7_000,
    meta_batch=5,
)

PRESETS = {preset.name: preset for preset in (OMNIGLOT,)}
