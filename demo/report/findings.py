"""Everything that the fleet has found out, put together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from demo.documents.kinds import Kind
from demo.work.model import Age, BrokenLink, LinkCheck, Silence, Summary


@dataclass(frozen=True, slots=True)
class Findings:
    """Results by the path of the document."""

    summaries: Mapping[str, Summary]
    links: Mapping[str, LinkCheck]
    ages: Mapping[str, Age] = field(default_factory=dict)

    def of_kind(self, kind: Kind) -> list[Summary]:
        """The summaries of one kind, by path."""
        return [summary for _, summary in sorted(self.summaries.items()) if summary.kind is kind]

    def broken(self) -> list[tuple[str, BrokenLink]]:
        """Every broken link with its document."""
        return [(path, broken) for path, check in sorted(self.links.items()) for broken in check.broken]

    def silent(self) -> list[Silence]:
        """Everything public that says nothing about itself."""
        return [silence for _, summary in sorted(self.summaries.items()) for silence in summary.silent]

    def most_linked(self) -> list[tuple[str, int]]:
        """The targets of links by how many documents link to them; those that only one links to are left out."""
        counted: Counter[str] = Counter()
        for path, check in self.links.items():
            counted.update(set(check.internal) - {path})
        return [(target, count) for target, count in sorted(counted.items(), key=_by_count) if count > 1]

    def orphans(self) -> list[str]:
        """Markdown documents that no other links to, be it directly or through their folder.

        The README at the top needs no link, it is where a reader begins.
        """
        linked: set[str] = set()
        for path, check in self.links.items():
            linked.update(target for target in check.internal if target != path)
        return [path for path in sorted(self.links) if path != "README.md" and not _is_reached(path, linked)]

    def external(self) -> list[tuple[str, list[str]]]:
        """Addresses outside the repository, each with the documents that name it."""
        named: dict[str, set[str]] = {}
        for path, check in self.links.items():
            for address in check.external:
                named.setdefault(address, set()).add(path)
        return [(address, sorted(paths)) for address, paths in sorted(named.items())]


def _is_reached(path: str, linked: set[str]) -> bool:
    if path in linked:
        return True
    # A link to a folder shows its README, and lists what else is in it.
    return path.rpartition("/")[0] in linked


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    target, count = item
    return -count, target
