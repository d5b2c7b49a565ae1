"""`kshot keys`: make, list and revoke API keys, and delete what a tenant keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.commands.console import AsJson, fail, print_table, show

if TYPE_CHECKING:
    from app.tenants.keys import Key, KeyFile

keys = typer.Typer(name="keys", no_args_is_help=True, help="Make, list and revoke the API keys of a server.")

File = Annotated[Path, typer.Option("--keys", envvar="KSHOT_KEYS", help="The file of keys that the server reads.")]


@keys.command("add")
def add(
    tenant: Annotated[
        str, typer.Argument(metavar="NAME", help="The tenant whose models the key opens: a-z, 0-9, - and _.")
    ],
    path: File,
    max_models: Annotated[int | None, typer.Option(help="Most models the tenant may keep.")] = None,
    max_bytes: Annotated[
        int | None, typer.Option(help="Most bytes the tenant may keep, images of models included.")
    ] = None,
    requests_per_minute: Annotated[int | None, typer.Option(help="Most requests a minute.")] = None,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Make a key that opens /metrics and nothing else.")
    ] = False,
) -> None:
    """Make a key and show it once. Where no limit is given, the server's settings hold.

    All keys of one name open the same models. To change a key, add another, then revoke the old one. A running
    server follows at once.

    Examples:
    - `kshot keys add --keys keys.json alice`

    - `KSHOT_KEYS=keys.json kshot keys add bob --max-models 100 --requests-per-minute 60`
    """
    from pydantic import ValidationError

    allowed = {"max_models": max_models, "max_bytes": max_bytes, "requests_per_minute": requests_per_minute}
    try:
        key, token = _file(path).add(tenant, metrics=metrics, **allowed)
    except ValidationError as error:
        fail("The key could not be made", "\n".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors()))
    except OSError as error:
        fail("The key could not be written", str(error))
    typer.echo(f"Key {key.id} of {key.tenant}. Keep it now, it is not shown again:", err=True)
    typer.echo(token)


@keys.command("list")
def list_keys(path: File, as_json: AsJson = False) -> None:
    """List the keys, without their secrets."""
    show(_read(_file(path)), as_json, _show)


@keys.command("revoke")
def revoke(key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="See `kshot keys list`.")], path: File) -> None:
    """Revoke a key. A running server refuses it at once; the tenant's models stay."""
    file = _file(path)
    _read(file)
    if not file.revoke(key_id):
        fail("No key was revoked", f"There is no key {key_id!r:.60}. See `kshot keys list`.")
    typer.echo(f"Revoked {key_id}.")


@keys.command("purge")
def purge(
    tenant: Annotated[str, typer.Argument(metavar="NAME", help="The tenant whose models go.")],
    store: Annotated[
        str | None, typer.Option(envvar="KSHOT_STORE", help="The server's store: a directory, or s3://bucket/prefix.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete all that is kept of a tenant: models, their images, and what is remembered of requests.

    A server on the same store may run meanwhile. The tenant's keys stay: revoke them first, or it can make models anew.

    Example:
    - `kshot keys purge alice --store /var/lib/kshot/models`
    """
    from app.commands.serve import settings_of
    from app.errors import AppError
    from app.store import open_store

    settings = settings_of({} if store is None else {"store": store})
    if not tenant:  # what an unset variable gives; without a name it would be all that belongs to no tenant
        fail("Nothing was deleted", "Name the tenant.")
    if "://" not in settings.store and not Path(settings.store).is_dir():
        fail("Nothing was deleted", f"There is no store at {settings.store}. Give the server's with --store.")
    yes or typer.confirm(f"Delete all models of {tenant} in {settings.store}?", abort=True, err=True)
    try:
        gone = open_store(settings).of(tenant).erase()
    except ValueError as error:
        fail("Nothing was deleted", str(error))
    except AppError as error:
        fail(error.title, error.detail)
    typer.echo(f"Deleted {len(gone)} models of {tenant}.")


def _file(path: Path) -> KeyFile:
    from app.tenants.keys import KeyFile

    return KeyFile(path)


def _read(file: KeyFile) -> list[Key]:
    from app.errors import KeysUnavailable

    if not file.path.exists():
        fail("There are no keys", f"{file.path} does not exist. `kshot keys add` makes it.")
    try:
        return file.read()
    except KeysUnavailable as error:
        fail(error.title, error.detail)


def _show(found: list[Key]) -> None:
    def limit(value: int | None) -> str:
        return "" if value is None else str(value)

    print_table(
        ["key", "tenant", "made", "models", "bytes", "requests a minute", "for"],
        [
            [
                key.id,
                key.tenant,
                f"{key.created_at:%Y-%m-%d %H:%M}",
                limit(key.max_models),
                limit(key.max_bytes),
                limit(key.requests_per_minute),
                "/metrics" if key.metrics else "models",
            ]
            for key in found
        ],
    )
