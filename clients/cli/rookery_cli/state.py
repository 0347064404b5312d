"""What the options before the command say to every command."""

from dataclasses import dataclass

import typer


@dataclass(frozen=True, slots=True)
class Invocation:
    """`context` is the path given with --context or in $ROOKERY_CONTEXT; None: the usual place."""

    context: str | None


def context_of(ctx: typer.Context) -> str | None:
    """The context file that this invocation is told to use."""
    invocation = ctx.find_root().obj
    return invocation.context if isinstance(invocation, Invocation) else None
