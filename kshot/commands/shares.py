"""`kshot models share`, `shares` and `unshare`: let others predict with a model by a link, and take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kshot.commands.console import AsJson, Url, connected, print_table, show
from kshot.commands.models import Id, minute

if TYPE_CHECKING:
    from kshot.sharing.shares import ModelShare, NewShare

shares = typer.Typer()


@shares.command("share")
def share_model(
    model_id: Id,
    name: Annotated[str | None, typer.Option(help="Whom it is for, to tell it from others.")] = None,
    ttl_seconds: Annotated[int | None, typer.Option(help="Seconds until it expires; a week unless given.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a link that may predict with a model and do nothing else. What is asked by it counts as asked by you.

    Examples:
    - `kshot models share MODEL_ID --name "class 7b" --ttl-seconds 86400`
    """
    with connected(url) as client:
        made = client.share(model_id, name=name, ttl_seconds=ttl_seconds)
    show(made, as_json, _show_new)


@shares.command("shares")
def list_shares(model_id: Id, url: Url = None, as_json: AsJson = False) -> None:
    """List the shares of a model that have not expired."""
    with connected(url) as client:
        found = client.shares(model_id)
    show(found, as_json, _show_shares)


@shares.command("unshare")
def revoke_share(
    model_id: Id,
    share_id: Annotated[str, typer.Argument(metavar="SHARE_ID", help="An id that `kshot models shares` lists.")],
    url: Url = None,
) -> None:
    """Revoke a share: its link is refused from now on."""
    with connected(url) as client:
        client.unshare(model_id, share_id)
    typer.echo(f"Revoked {share_id}")


def _show_new(share: NewShare) -> None:
    typer.echo(share.link)
    typer.echo(f"Share {share.id}, until {minute(share.expires_at)}. Its link is shown this once.")


def _show_shares(found: list[ModelShare]) -> None:
    rows = [[each.id, each.name or "", minute(each.created_at), minute(each.expires_at)] for each in found]
    print_table(["id", "name", "made", "expires"], rows)
