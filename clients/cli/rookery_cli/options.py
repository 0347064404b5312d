"""Options that several commands share."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="Show so many at the most.")]
Everything = Annotated[bool, typer.Option("--all", help="Show all, however many there are.")]
Labels = Annotated[
    list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", help="A label; may be given several times.")
]
Text = Annotated[str | None, typer.Option("--text", metavar="TEXT", help="The content, as text.")]
Data = Annotated[str | None, typer.Option("--data", "-d", metavar="JSON", help="The content, as JSON.")]
File = Annotated[
    str | None, typer.Option("--file", "-f", metavar="PATH", help="The content, from a file; - is standard input.")
]

DEFAULT_LIMIT = 50
# The most that a number of 64 bits can be, and the longest time that an option takes: ten years.
MOST = 2**63 - 1
LONGEST_SECONDS = 315_360_000


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """`KEY=VALUE` options as a mapping. Raises typer.BadParameter for one that is not of that form."""
    found: dict[str, str] = {}
    for each in given or ():
        key, separator, value = each.partition("=")
        if not separator or not key:
            raise typer.BadParameter(f"{each!r} is not of the form KEY=VALUE", param_hint=option)
        found[key] = value
    return found
