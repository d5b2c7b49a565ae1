"""Parts of a learner: inputs, encoders, networks and heads, each one class that answers for itself.

A part is a frozen pydantic model. Its fields are its entry in a checkpoint's metadata, where `type` says which class it
is. To add one, write a class against the interface of its kind and register it:

    @register
    class Mine(Head):
        type: Literal["mine"] = "mine"

Parts of this package are listed in SHIPPED. Others come from modules that `import_parts` imports: `kshot serve`,
`kshot train` and `kshot evaluate` take their names from KSHOT_PARTS.
"""

from collections import defaultdict
from functools import cache
from importlib import import_module
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, model_validator

from models.errors import PartsError

SHIPPED = (
    "models.inputs.image",
    "models.inputs.text",
    "models.inputs.vector",
    "models.encoders.none",
    "models.encoders.efficientnet_lite.encoder",
    "models.encoders.onnx_file",
    "models.encoders.minilm.encoder",
    "models.encoders.frozen_network",
    "models.encoders.side_by_side",
    "models.networks.conv4.network",
    "models.networks.last_block",
    "models.networks.linear_map",
    "models.networks.beside",
    "models.networks.mlp",
    "models.heads.prototype",
    "models.heads.dense",
    "models.heads.logistic",
    "models.heads.regression",
)
"""Modules that register the parts of this package."""


class Part(BaseModel):
    """What all kinds of part share. A direct subclass is a kind: Input, Encoder, Network or Head."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str

    @model_validator(mode="wrap")
    @classmethod
    def _as_the_class_that_type_names(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Validate {"type": "conv4", ...} for a kind as the class that is registered under that type."""
        if _kind(cls) is not cls or not isinstance(value, dict):
            return handler(value)
        _import_shipped()
        types = _REGISTERED[cls]
        found: Any = types.get(value.get("type", ""))
        if found is None:
            raise ValueError(
                f"type {value.get('type')!r} is not one of the {cls.__name__.lower()} types that are registered: "
                f"{', '.join(sorted(types))}. KSHOT_PARTS names modules that register others"
            )
        part: Self = found.model_validate(value)
        return part


P = TypeVar("P", bound=Part)
_REGISTERED: dict[type[Part], dict[str, type[Part]]] = defaultdict(dict)


def register(part: type[P]) -> type[P]:
    """Make a class known by the default of its field `type`, among those of its kind. Use it as a decorator."""
    name, known = part.model_fields["type"].default, _REGISTERED[_kind(part)]
    if name in known and _place(known[name]) != _place(part):
        raise ValueError(f"{_place(part)} has the type {name!r}, which {_place(known[name])} has already")
    known[name] = part
    return part


def import_parts(modules: str) -> None:
    """Import the modules of these names, with commas between. Raise PartsError for one that fails, by its name."""
    for module in filter(None, map(str.strip, modules.split(","))):
        try:
            import_module(module)
        except Exception as error:
            raise PartsError(
                f"KSHOT_PARTS names {module!r}, which cannot be imported ({type(error).__name__}: {error}). "
                "Correct the name, install the module, or put its folder on PYTHONPATH."
            ) from error


def _kind(part: type[Part]) -> type[Part]:
    return next((each for each in part.__mro__ if Part in each.__bases__), part)


def _place(part: type[Part]) -> str:
    return f"{part.__module__}.{part.__qualname__}"


@cache
def _import_shipped() -> None:
    for module in SHIPPED:
        import_module(module)
