"""rookery tenants."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

import re
from enum import StrEnum
from typing import Annotated

import typer

from rookery_cli.confirmation import Yes, confirm
from rookery_cli.options import DEFAULT_LIMIT, MOST, AsJson, Everything, Limit, pairs
from rookery_cli.paging import Extent
from rookery_cli.refusal import Misused
from rookery_cli.state import context_of

app = typer.Typer(help="Manage the tenants of the installation.", no_args_is_help=True)

_Id = Annotated[str, typer.Argument(metavar="TENANT", help="Its id.")]
_Name = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What it is called, for people.")]
_Quotas = Annotated[
    list[str] | None,
    typer.Option("--quota", "-q", metavar="NAME=N", help="A limit, such as max_agents=100; 0: none. Several times."),
]
_NUMBER = re.compile("[0-9]{1,19}")


class State(StrEnum):
    """Where a tenant is in its life."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETING = "deleting"
    DELETED = "deleted"


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only tenants of this state.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List tenants by id; also suspended and deleted ones."""
    from rookery_cli.actions.tenants import list_tenants
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    wanted = state.value.upper() if state else ""
    perform(context_of(ctx), lambda client: list_tenants(client, wanted, extent, output))


@app.command()
def show(ctx: typer.Context, tenant: _Id, *, as_json: AsJson = False) -> None:
    """Show one tenant; while it is being deleted, also which services still hold something of it."""
    from rookery_cli.actions.tenants import show_tenant
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: show_tenant(client, tenant, Output(as_json=as_json)))


@app.command()
def create(
    ctx: typer.Context, tenant: _Id, *, name: _Name = None, quota: _Quotas = None, as_json: AsJson = False
) -> None:
    """Create a tenant and print the API key of its administrator, which is shown once.

    rookery tenants create acme --name "Acme Ltd" --quota max_agents=100
    """
    from rookery_cli.actions.tenants import create_tenant
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    quotas, output = _quotas(quota), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: create_tenant(client, tenant, name or "", quotas, output))


@app.command()
def update(
    ctx: typer.Context, tenant: _Id, *, name: _Name = None, quota: _Quotas = None, as_json: AsJson = False
) -> None:
    """Change the name or quotas of a tenant; quotas that are not named stay as they are."""
    from rookery_cli.actions.tenants import update_tenant
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    quotas, output = _quotas(quota), Output(as_json=as_json)
    if name is None and not quotas:
        raise Misused("there is nothing to change: give --name or --quota")
    perform(context_of(ctx), lambda client: update_tenant(client, tenant, name, quotas, output))


@app.command()
def suspend(ctx: typer.Context, tenant: _Id, *, as_json: AsJson = False) -> None:
    """Refuse every token and credential of a tenant, and keep its data."""
    from rookery_cli.actions.tenants import suspend_tenant
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: suspend_tenant(client, tenant, Output(as_json=as_json)))


@app.command()
def resume(ctx: typer.Context, tenant: _Id, *, as_json: AsJson = False) -> None:
    """Serve a suspended tenant again."""
    from rookery_cli.actions.tenants import resume_tenant
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: resume_tenant(client, tenant, Output(as_json=as_json)))


@app.command()
def delete(
    ctx: typer.Context,
    tenant: _Id,
    *,
    yes: Yes = False,
    wait: Annotated[bool, typer.Option("--wait", help="Tell how far it is, and end when all is erased.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a tenant with everything of it in every service; only its audit log is kept. It cannot be undone."""
    from rookery_cli.actions.tenants import delete_tenant
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    confirm(f"erase everything of the tenant {tenant}, in every service, for good?", yes=yes)
    perform(context_of(ctx), lambda client: delete_tenant(client, tenant, Output(as_json=as_json), wait=wait))


def _quotas(given: list[str] | None) -> dict[str, int]:
    from rookery_cli.actions.tenants import QUOTAS

    quotas: dict[str, int] = {}
    for name, limit in pairs(given, "--quota").items():
        if name not in QUOTAS:
            raise typer.BadParameter(f"there is no quota {name}; there are {', '.join(QUOTAS)}", param_hint="--quota")
        if not _NUMBER.fullmatch(limit) or int(limit) > MOST:
            raise typer.BadParameter(f"{limit!r} is not a number from 0 to {MOST}", param_hint="--quota")
        quotas[name] = int(limit)
    return quotas
