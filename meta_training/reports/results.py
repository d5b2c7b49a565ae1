"""What a finished run leaves: the checkpoint with its card, a JSON report and a picture of its learning curve."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from meta_training.config import TrainConfig
from meta_training.data.domains import TERMS
from meta_training.data.splits import Split
from meta_training.data.texts import INTENTS
from meta_training.data.texts import TERMS as TEXT_TERMS
from meta_training.evaluation.card import Card, CardConfig, CardData
from meta_training.reports.learning_curve import draw_learning_curve
from meta_training.run_folder import Progress, RunFolder, write_json
from models.checkpoint import Checkpoint, save_checkpoint


def write_results(
    folder: RunFolder, config: TrainConfig, made: Checkpoint, progress: Progress, split: Split
) -> Checkpoint:
    """Write `<name>.safetensors`, its card `<name>.json`, `report.json` and `learning-curve.png`."""
    path = folder.path / f"{config.name}.safetensors"
    checkpoint = save_checkpoint(path, made.metadata, made.initialization, made.encoder, made.mixture)
    card = run_card(checkpoint, config, progress, split)
    terms = {name: text for name, text in TEXT_TERMS.items() if split.source == INTENTS}
    (card.model_copy(update={"domains": terms}) if terms else card).write(path)
    write_json(folder.path / "report.json", {"config": config.document(), **vars(progress)})
    draw_learning_curve(config.name, progress).savefig(folder.path / "learning-curve.png", dpi=120)
    return checkpoint


def write_mixture(
    out: Path, made: Checkpoint, configs: Sequence[TrainConfig], progress: Progress, split: Split
) -> Checkpoint:
    """Write `<name>.safetensors` of several runs, and its card, which lists the domains with their terms."""
    path = out / f"{made.metadata.name}.safetensors"
    checkpoint = save_checkpoint(path, made.metadata, made.initialization, made.encoder, made.mixture)
    whole = replace(configs[-1], meta_steps=sum(config.meta_steps for config in configs))
    card = run_card(checkpoint, whole, progress, split)
    domains = {name: TERMS.get(name, "terms unknown") for name in split.training.by_domain()}
    runs = [config.document() for config in configs]
    card.model_copy(update={"domains": domains, "runs": runs}).write(path)
    return checkpoint


def run_card(checkpoint: Checkpoint, config: TrainConfig, progress: Progress, split: Split) -> Card:
    """Return a checkpoint's card: what made it, how it did on the validation classes, and the classes it never saw."""
    return Card(
        name=checkpoint.metadata.name,
        digest=checkpoint.digest,
        created_at=checkpoint.metadata.created_at,
        command=checkpoint.metadata.command,
        training_seconds=round(progress.seconds),
        config=CardConfig(**config.document()),
        results=_validation(checkpoint, progress),
        data=CardData(
            source=split.source,
            split_seed=split.seed,
            training_classes=len(split.training) if config.meta_steps else 0,
            validation_classes=split.validation.names,
            test_classes=split.test.names,
        ),
    )


def _validation(checkpoint: Checkpoint, progress: Progress) -> dict[str, Any]:
    """Return the last scores on the validation classes; none for a mixture, of which the run is one initialization."""
    if checkpoint.mixture or not progress.validation:
        return {}
    return {"validation": progress.validation[-1]["scores"]}
