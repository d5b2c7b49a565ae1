"""Named runs: `kshot train --preset NAME`. Each says what it is for and what it gives.

`omniglot` ships. It takes any number of classes. Its values were chosen on the 100 validation characters. In 53 minutes
on a core it comes to 96.0 ± 1.8, 99.8 ± 0.4, 93.1 ± 1.2 and 98.4 ± 0.6 % there (5-way 1 and 5 shots, 20-way 1 and 5).

`omniglot-5way` and `omniglot-20way` are the paper's own networks, fixed heads and hyper-parameters (Nichol et al. 2018,
tables 2 and 4), but for 70,000 meta steps of 100,000 at 5-way: two hours on two cores. That one gives 96.60 / 98.95 %
(1 / 5 shots, batch norm over support and one query), where the paper reports 95.39 / 98.90; for 20-way it reports
88.14 / 96.65. Scored by

    kshot evaluate runs/omniglot-5way/omniglot-5way.safetensors --inner-batch 5 --episodes 10000
    kshot evaluate runs/omniglot-20way/omniglot-20way.safetensors --inner-batch 10 --episodes 10000

`miniimagenet-5way` is the paper's for Mini-ImageNet (table 1), whose --data is a folder, zip or tar with train, val and
test. A meta step takes 1.1 s of a core, all of them 31 hours; the whole run has not been made here. The paper reports
47.07 ± 0.26 / 62.74 ± 0.37 % (5-way, 1 / 5 shots), and 49.97 / 65.99 % transductive, by

    kshot evaluate runs/miniimagenet-5way/miniimagenet-5way.safetensors --shots 1 --inner-batch 5 --episodes 10000
    kshot evaluate runs/miniimagenet-5way/miniimagenet-5way.safetensors --shots 5 --inner-batch 15 --episodes 10000

`photo` is for pictures of any kind: it meta-trains the last block of EfficientNet-Lite0 behind the rest of it, frozen,
from ImageNet's weights. A run makes one more initialization of the shipped checkpoint's mixture; INITIALIZATIONS are
those that ship, which `kshot train --preset photo --domains FOLDER` makes in turn. See docs/photo.md.

`text` ships, for sentences: it meta-trains a linear map behind MiniLM, frozen, from the identity, on 75 intents of
CLINC150, and goes 0.4 of the way. Its values were chosen on 45 others. It takes 2 minutes of a core to encode the texts
and 1 to train. See docs/text.md.
"""

from dataclasses import replace

from meta_training.config import TrainConfig
from meta_training.data.domains import GLYPHS, GRAPHICS, PHOTOGRAPHS, TERMS
from models.encoders.efficientnet_lite.encoder import EfficientNetLite
from models.encoders.minilm.encoder import MiniLM
from models.estimates.calibration import Calibration
from models.heads.dense import DenseHead
from models.heads.logistic import LogisticHead
from models.heads.prototype import PrototypeHead
from models.inputs.image import ImageInput
from models.inputs.text import TextInput
from models.metadata import InnerSpec
from models.networks.conv4.network import Conv4
from models.networks.last_block import LastBlock
from models.networks.linear_map import LinearMap

OMNIGLOT = TrainConfig(
    name="omniglot",
    input=ImageInput(channels=1, size=28, mean=1.0, std=-1.0),  # ink is 1 and paper 0, as padding is
    network=Conv4(channels=1, size=28),
    head=PrototypeHead(temperature=200.0),
    inner=InnerSpec(steps=5, learning_rate=1e-3, max_step=1.0),  # see docs/accuracy.md on drawings unlike Omniglot's
    ways=(5, 50),
    shots=10,
    head_shots=3,
    inner_batch=32,
    inner_steps=6,
    learning_rate=1e-3,
    meta_steps=10_000,
    meta_batch=5,
)

OMNIGLOT_5WAY = TrainConfig(
    name="omniglot-5way",
    input=ImageInput(channels=1, size=28),
    network=Conv4(channels=1, size=28),
    head=DenseHead(ways=5),
    inner=InnerSpec(steps=50, learning_rate=1e-3),
    ways=(5, 5),
    shots=10,
    head_shots=1,
    inner_batch=10,
    inner_steps=5,
    learning_rate=1e-3,
    meta_steps=70_000,
    meta_batch=5,
    validation=False,
)

OMNIGLOT_20WAY = TrainConfig(
    name="omniglot-20way",
    input=ImageInput(channels=1, size=28),
    network=Conv4(channels=1, size=28),
    head=DenseHead(ways=20),
    inner=InnerSpec(steps=50, learning_rate=5e-4),
    ways=(20, 20),
    shots=10,
    head_shots=1,
    inner_batch=20,
    inner_steps=10,
    learning_rate=5e-4,
    meta_steps=200_000,
    meta_batch=5,
    validation=False,
)

MINIIMAGENET_5WAY = TrainConfig(
    name="miniimagenet-5way",
    input=ImageInput(channels=3, size=84),
    network=Conv4(channels=3, size=84, filters=32, pool=True),
    head=DenseHead(ways=5),
    inner=InnerSpec(steps=50, learning_rate=1e-3),
    ways=(5, 5),
    shots=15,
    head_shots=1,
    inner_batch=10,
    inner_steps=8,
    learning_rate=1e-3,
    meta_steps=100_000,
    meta_batch=5,
)

PHOTO = TrainConfig(
    name="photo",
    input=ImageInput(channels=3, size=224, fit="crop"),
    encoder=EfficientNetLite(variant=0, until=15),
    network=LastBlock(variant=0),
    head=LogisticHead(),
    inner=InnerSpec(steps=5, from_shots=3, learning_rate=1e-3, factors={"top": 0.5}, anneal=True),
    calibration=Calibration(temperature=0.7, near_copy=0.7, familiar=0.55),
    initialization="mine",
    ways=(5, 12),
    shots=8,
    head_shots=5,
    loss_shots=3,
    inner_batch=25,
    inner_steps=3,
    learning_rate=3e-4,
    meta_steps=50,
    meta_batch=4,
    epsilon=0.75,
)

OF_DOMAINS = replace(PHOTO, by_domain=True, validation=False)
INITIALIZATIONS = (
    replace(OF_DOMAINS, initialization="glyphs", domains=GLYPHS, meta_steps=250),
    replace(OF_DOMAINS, initialization="graphics", domains=tuple(TERMS), owns=GRAPHICS, meta_steps=150),
    replace(OF_DOMAINS, initialization="photographs", domains=PHOTOGRAPHS, meta_steps=75, strength=0.4),
)

TEXT = TrainConfig(
    name="text",
    input=TextInput(),
    encoder=MiniLM(layers=(3,)),
    network=LinearMap(size=768, rank=32),
    head=LogisticHead(),
    inner=InnerSpec(optimizer="sgd", steps=0, from_shots=3, learning_rate=3.0),
    calibration=Calibration(temperature=1, near_copy=0.9),
    ways=(5, 15),
    shots=10,
    head_shots=5,
    loss_shots=5,
    neighbours=40,
    inner_batch=25,
    inner_steps=5,
    learning_rate=0.2,
    meta_steps=100,
    meta_batch=16,
    strength=0.6,
)

SHIPPED = (OMNIGLOT, OMNIGLOT_5WAY, OMNIGLOT_20WAY, MINIIMAGENET_5WAY, PHOTO, TEXT)
PRESETS = {preset.name: preset for preset in SHIPPED}
