"""The options that name data sets and a checkpoint, and what they are where none is given."""

import os
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

SETS, DOMAINS = ("grocery-store", "clothing", "sign-digits"), "domains-validation"
SCORED = ["food101_lowres", "oxford_flowers", "satellite_resisc12"]

Data: TypeAlias = Annotated[
    list[Path] | None, typer.Option(help="Folder, zip or tar of class folders, repeatable; else in KSHOT_DATA.")
]
Domains: TypeAlias = Annotated[Path | None, typer.Option(help="Folder, zip or tar of folders of class folders.")]
DomainNames: TypeAlias = Annotated[list[str] | None, typer.Option(help="Which of them, repeatable; three if none.")]
OfPhotographs: TypeAlias = Annotated[Path, typer.Option(help="Of photographs.")]


def shared_data() -> tuple[list[Path], Path]:
    """Return what KSHOT_DATA names: three data sets, and the validation domains. Raises typer.BadParameter."""
    folder = os.environ.get("KSHOT_DATA")
    if folder is None:
        raise typer.BadParameter("Name data sets, or their folder by KSHOT_DATA.", param_hint="--data")
    return [Path(folder) / f"{name}.tar" for name in SETS], Path(folder) / f"{DOMAINS}.tar"
