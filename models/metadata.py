"""What a checkpoint says of itself: enough to rebuild its learner, and to tell where it came from."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from models.architecture import Architecture
from models.encoders.efficientnet_lite.spec import EncoderSpec
from models.heads.heads import DenseHead, Head, LogisticHead, PrototypeHead, ZeroHead
from models.inputs.image import InputSpec
from models.networks.conv4.network import Conv4
from models.networks.interface import Network
from models.networks.last_block import LastBlock
from models.optimizers import SGD, Adam, Optimizer


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSpec(_Spec):
    """The adaptable network of drawings, from pixels on."""

    type: Literal["conv4"] = "conv4"
    filters: PositiveInt = 64
    pool: bool = Field(default=False, description="Stride 1 and 2×2 max-pooling, as for Mini-ImageNet, not stride 2")


class LastBlockSpec(_Spec):
    """The adaptable end of EfficientNet-Lite0, after a frozen encoder that goes up to it."""

    type: Literal["last-block"]


class HeadSpec(_Spec):
    """How the head starts; `ways` for the dense head alone, whose N is fixed."""

    policy: Literal["prototype", "zero", "dense", "logistic"] = "prototype"
    ways: int | None = Field(default=None, ge=2)
    temperature: PositiveFloat = 1.0
    penalty: PositiveFloat = Field(default=1e-3, description="of the logistic head's squared weights")

    @model_validator(mode="after")
    def _ways_go_with_dense(self) -> "HeadSpec":
        if (self.ways is not None) != (self.policy == "dense"):
            raise ValueError("ways belongs to the dense head, and the dense head needs it")
        return self

    def build(self) -> Head:
        """The head this describes."""
        if self.ways is not None:
            return DenseHead(self.ways)
        if self.policy == "logistic":
            return LogisticHead(self.penalty)
        return PrototypeHead(self.temperature) if self.policy == "prototype" else ZeroHead()


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
        default=1, description="Images a class, on average, from which steps are the default"
    )
    learning_rate: float = Field(gt=0, allow_inf_nan=False)
    factors: dict[str, PositiveFloat] = Field(default={}, description="of the learning rate, by layer; 1 if not named")
    anneal: bool = Field(default=False, description="The learning rate falls linearly over the steps, towards 0")

    def steps_for(self, images: int, classes: int) -> int:
        """The default steps for a support set: none where too few images a class would only be learnt by heart."""
        return self.steps if images >= self.from_shots * classes else 0

    def share(self, step: int, steps: int) -> float:
        """Of the learning rate, at a step from 0."""
        return 1 - step / steps if self.anneal else 1.0

    def build(self, *, bounded: bool) -> Optimizer:
        """The optimizer this describes; `bounded` by `max_step`, for data that may be far from the training data."""
        if self.optimizer == "sgd":
            return SGD()
        return Adam(self.beta2, self.epsilon, self.max_step if bounded else None, self.factors)


class CalibrationSpec(_Spec):
    """What was fitted on other data so that the answers' figures mean what they say."""

    temperature: PositiveFloat = Field(description="Logits are divided by it for scores")
    slope: float = Field(description="Expected accuracy is slope × held-out probability + offset")
    offset: float
    familiar: float = Field(description="Least cosine of a picture's features with a class mean for it to be known")


class CheckpointMetadata(_Spec):
    """A learner without its weights, and its provenance."""

    format: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    created_at: str
    command: str = ""
    encoder: EncoderSpec | None = None
    network: Annotated[NetworkSpec | LastBlockSpec, Field(discriminator="type")] = NetworkSpec()
    input: InputSpec
    head: HeadSpec = HeadSpec()
    inner: InnerSpec
    calibration: CalibrationSpec | None = None
    count: NonNegativeInt = Field(default=0, description="inner steps that the second moment has seen")
    data: dict[str, Any] = {}

    @model_validator(mode="after")
    def _encoder_and_network_go_together(self) -> "CheckpointMetadata":
        frozen = self.encoder.until if self.encoder else None
        if frozen != (None if isinstance(self.network, NetworkSpec) else LastBlock().first):
            raise ValueError("the last block needs the encoder of those before it, and conv4 takes pixels")
        if self.encoder and (self.encoder.size, 3) != (self.input.size, self.input.channels):
            raise ValueError("the encoder takes colour images of the input's size")
        if (self.encoder or self.calibration) and not (self.encoder and self.head.policy == "logistic"):
            raise ValueError("an encoder has a logistic head, and a calibration is of such a learner")
        return self

    def build(self, *, bounded: bool = False) -> Architecture:
        """The learner this describes, to train; `bounded` to adapt with (see InnerSpec)."""
        return Architecture(self._network(), self.head.build(), self.inner.build(bounded=bounded))

    def _network(self) -> Network:
        if isinstance(self.network, LastBlockSpec):
            return LastBlock()
        return Conv4(self.input.channels, self.input.size, self.network.filters, self.network.pool)
