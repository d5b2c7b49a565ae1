"""The calls about labels without their I/O; see kshot.calls."""

from __future__ import annotations

from kshot.calls import Call, form_of, model_path, read
from kshot.labelling.evaluation import EvaluateOptions, Evaluation
from kshot.labelling.ranking import Ranking, RankOptions
from kshot.uploads import Pool, SupportSet, pool_parts, support_parts


def evaluate(model_id: str, test_set: SupportSet, options: EvaluateOptions) -> Call[Evaluation]:
    """POST /models/{id}/evaluate."""
    fields, files = support_parts(test_set)
    return Call("POST", f"{model_path(model_id)}/evaluate", read(Evaluation), form_of(files, **fields, **options))


def rank(model_id: str, pool: Pool, options: RankOptions) -> Call[Ranking]:
    """POST /models/{id}/rank."""
    return Call("POST", f"{model_path(model_id)}/rank", read(Ranking), form_of(pool_parts(pool), **options))
