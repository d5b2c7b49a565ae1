"""What a checkpoint says of itself: enough to rebuild its learner, and to tell where it came from."""

from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SerializeAsAny,
    model_validator,
)

from models.architecture import Architecture
from models.encoders.interface import Encoder
from models.encoders.none import NoEncoder
from models.estimates.calibration import Calibration
from models.heads.interface import Head
from models.heads.prototype import PrototypeHead
from models.initializations.mixture import MixtureSpec
from models.inputs.interface import Input
from models.networks.interface import Network
from models.optimizers import SGD, Adam, Optimizer

FORMAT: Literal[4] = 4


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InnerSpec(_Spec):
    """The inner loop: its optimizer, and the defaults of k and of the learning rate."""

    optimizer: Literal["adam", "sgd"] = "adam"
    beta2: float = Field(default=0.999, ge=0, lt=1)
    epsilon: PositiveFloat = 1e-8
    max_step: PositiveFloat | None = Field(
        default=None,
        description="Most that Adam moves a weight in a step of adaptation, in learning rates; meta-training is free",
    )
    steps: NonNegativeInt
    from_shots: PositiveInt = Field(
        default=1, description="Images of the rarest class from which steps are the default"
    )
    learning_rate: float = Field(gt=0, allow_inf_nan=False)
    factors: dict[str, PositiveFloat] = Field(default={}, description="of the learning rate, by layer; 1 if not named")
    anneal: bool = Field(default=False, description="The learning rate falls linearly over the steps, towards 0")

    def steps_for(self, shots: int) -> int:
        """Return the default steps: none where so few images of the rarest class would only be learnt by heart."""
        return self.steps if shots >= self.from_shots else 0

    def share(self, step: int, steps: int) -> float:
        """Return the factor of the learning rate at a step, from 0; 0 where all steps are taken."""
        if step >= steps:
            return 0.0
        return 1 - step / steps if self.anneal else 1.0

    def build(self, *, bounded: bool) -> Optimizer:
        """Return the optimizer; `bounded` by `max_step`, for data that may be far from the training data."""
        if self.optimizer == "sgd":
            return SGD()
        return Adam(self.beta2, self.epsilon, self.max_step if bounded else None, self.factors)


class CheckpointMetadata(_Spec):
    """A learner without its weights, and its provenance."""

    format: Literal[4] = FORMAT
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    created_at: str
    command: str = ""
    input: SerializeAsAny[Input]
    encoder: SerializeAsAny[Encoder] = NoEncoder()
    network: SerializeAsAny[Network]
    head: SerializeAsAny[Head] = PrototypeHead()
    inner: InnerSpec
    calibration: Calibration | None = None
    mixture: MixtureSpec | None = Field(default=None, description="further initializations")
    serves: tuple[str, ...] = Field(
        default=(),
        description="digests of earlier checkpoints of the same theta, whose models this one goes on to serve",
    )
    count: NonNegativeInt = Field(default=0, description="inner steps that the second moment has seen")
    data: dict[str, Any] = {}

    @model_validator(mode="after")
    def _parts_go_together(self) -> "CheckpointMetadata":
        given, taken = self.encoder.output(self.input), self.network.takes
        if given != taken:
            raise ValueError(
                f"network {self.network.type} takes {_sizes(taken)}, and it gets {_sizes(given)} "
                f"from input {self.input.type} by encoder {self.encoder.type}"
            )
        if self.calibration and self.head.fixed_ways:
            raise ValueError("a calibration needs a head that is made of the support set")
        return self

    def build(self, *, bounded: bool = False) -> Architecture:
        """Return the learner without its weights, to train; `bounded` to adapt with (see InnerSpec)."""
        return Architecture(self.network, self.head, self.inner.build(bounded=bounded))


def _sizes(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def bring_up_to_date(document: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint's metadata, of any format up to FORMAT, as they would be written today.

    Raises ValueError for what today's learners have no more, and KeyError or TypeError for what never was metadata.
    """
    version = document.get("format")
    if version == 1:
        document = {**document, **parts_from_format_1(document)}
    if version in (1, 2, 3):
        document = {**document, "format": FORMAT, **calibration_up_to_date(document)}
    return document


def calibration_up_to_date(document: dict[str, Any]) -> dict[str, Any]:
    """Return the calibration of metadata, or of a run's configuration, of any format up to FORMAT.

    In format 2 it had no parts. Up to format 3 expected accuracy was linear in a probability: the defaults of
    AccuracySpec take its place, until the checkpoint is calibrated anew.
    """
    calibration = document.get("calibration")
    if not calibration:
        return {}
    kept = {name: value for name, value in calibration.items() if name not in ("slope", "offset")}
    if "usual" not in kept.get("accuracy", {}):
        kept.pop("accuracy", None)
    sets = kept.get("label_sets")
    if sets and "untold" not in sets:
        kept["label_sets"] = {"coverages": sets["coverages"], "untold": sets["levels"]}
    return {"calibration": kept}


def parts_from_format_1(document: dict[str, Any]) -> dict[str, Any]:
    """Return the input, encoder, network and head of metadata, or of a run's configuration, of format 1.

    There, inputs and encoders had no type, heads a policy, and networks didn't say what they take. Raises as
    `bring_up_to_date`.
    """
    source, encoder = {"type": "image", **document["input"]}, document.get("encoder")
    network = {"type": "conv4", **document.get("network", {})}
    if encoder is None:
        network |= {"channels": source["channels"], "size": source["size"]}
    else:
        network["size"] = encoder["size"]
        if encoder.get("taps"):
            raise ValueError("its encoder has taps, which this version of kshot doesn't read")
    return {
        "input": source,
        "encoder": {"type": "none"} if encoder is None else _encoder_from_format_1(encoder),
        "network": network,
        "head": _head_from_format_1(document.get("head", {})),
    }


def _encoder_from_format_1(encoder: dict[str, Any]) -> dict[str, Any]:
    return {"type": "efficientnet-lite", "variant": 0, **{name: encoder[name] for name in ("size", "until")}}


def _head_from_format_1(head: dict[str, Any]) -> dict[str, Any]:
    own = {"prototype": ("temperature",), "dense": ("ways",), "logistic": ("penalty",)}
    policy = head.get("policy", "prototype")
    if policy not in own:
        raise ValueError(f"its head is {policy!r}, which this version of kshot doesn't have")
    return {"type": policy, **{name: head[name] for name in own[policy] if name in head}}
