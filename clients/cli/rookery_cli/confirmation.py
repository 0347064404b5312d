"""Asking before something is gone."""

import sys
from typing import Annotated

import typer

from rookery_cli.refusal import Misused

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def confirm(question: str, *, yes: bool) -> None:
    """Returns when the user agrees. Raises Misused where nobody can be asked, typer.Abort where they do not agree."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Misused("nobody is there to be asked", "add --yes to do it without asking")
    typer.confirm(question, abort=True, err=True)
