"""Types of shares."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kshot.text import NO_CONTROLS, plain
from kshot.types import EXAMPLE_ID, MAX_TTL_SECONDS

WEEK = 7 * 86400
EXAMPLE_TOKEN = f"kshot_share_{EXAMPLE_ID}_5e1f00c0ffee_" + "9f86d081884c7d65" * 4


class ShareOptions(BaseModel):
    """What a share is to be."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, AfterValidator(plain)] | None = Field(
        default=None,
        max_length=200,
        description="Whom it is for, to tell it from others.",
        examples=["class 7b"],
        json_schema_extra={"pattern": NO_CONTROLS},
    )
    ttl_seconds: int = Field(
        default=WEEK, ge=1, le=MAX_TTL_SECONDS, description="Seconds until it expires; it goes with its model at last."
    )


class ModelShare(BaseModel):
    """A token that may predict with one model and do nothing else, without the token itself."""

    id: str = Field(description="What DELETE /models/{id}/shares/{share_id} takes.", examples=["5e1f00c0ffee"])
    name: str | None = Field(default=None, description="Whom it is for.", examples=["class 7b"])
    created_at: datetime = Field(description="When it was made.", examples=["2026-03-01T12:00:00Z"])
    expires_at: datetime = Field(description="When it ends.", examples=["2026-03-08T12:00:00Z"])


class NewShare(ModelShare):
    """A share that was just made, with its token: no later answer has it."""

    token: str = Field(
        description="Sent to POST /predict in place of an API key. It names the model and whose it is.",
        examples=[EXAMPLE_TOKEN],
    )
    link: str = Field(
        description="The page that asks the model about new pictures, relative to the server's address.",
        examples=[f"m/{EXAMPLE_ID}#{EXAMPLE_TOKEN}"],
    )


class ModelShares(BaseModel):
    """The shares of a model, oldest first."""

    shares: list[ModelShare]
