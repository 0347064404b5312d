"""The sections that are tables."""

from demo.documents.kinds import Kind
from demo.report.findings import Findings
from demo.report.markdown import code, shortened, table
from demo.work.model import Age, Standing

_SORTS = ("service", "rpc", "message", "enum")


def standing(age: Age | None) -> str:
    """When a document last changed, in words."""
    if age is None:
        return "of unknown age"
    match age.standing:
        case Standing.UNCOMMITTED:
            return "not committed yet"
        case Standing.OLDER:
            return f"changed {age.date} or before"
        case Standing.DATED:
            return f"changed {age.date} ({age.commit[:8]})"


def documents(findings: Findings) -> list[str]:
    """Every page of prose with its size, its links and its last change."""
    rows = []
    for summary in findings.of_kind(Kind.MARKDOWN):
        check = findings.links.get(summary.path)
        rows.append(
            (
                code(summary.path),
                shortened(summary.title, 60),
                summary.words,
                summary.size,
                len(summary.parts),
                len(check.internal) + len(check.external) + len(check.broken) if check else 0,
                len(check.broken) if check else 0,
                standing(findings.ages.get(summary.path)),
            )
        )
    return table(["document", "title", "#words", "#bytes", "#headings", "#links", "#broken", "last change"], rows)


def contracts(findings: Findings) -> list[str]:
    """Every proto file with what it declares."""
    rows = []
    for summary in findings.of_kind(Kind.PROTO):
        sorts = [part.title.split()[0] for part in summary.parts]
        declared = ", ".join(f"{sorts.count(sort)} {sort}" for sort in _SORTS if sort in sorts)
        rows.append((code(summary.path), shortened(summary.lead, 110), declared, summary.lines, len(summary.silent)))
    return table(["contract", "what it says it is", "declares", "#lines", "#silent"], rows)


def packages(findings: Findings) -> list[str]:
    """Every Python package with its modules."""
    rows = [
        (code(summary.path), shortened(summary.lead, 110), len(summary.parts), summary.lines, len(summary.silent))
        for summary in findings.of_kind(Kind.PACKAGE)
    ]
    return table(["package", "what it says it is", "#modules", "#lines", "#silent"], rows)
