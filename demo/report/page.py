"""The page as a whole."""

from demo.documents.kinds import Kind
from demo.report.findings import Findings
from demo.report.markdown import code, counted, shortened, table
from demo.report.sections import contracts, documents, packages, standing
from demo.work.model import Standing

_WORDS_A_MINUTE = 230
_LISTED = 40


def write_page(findings: Findings, title: str) -> str:
    """The report. Every figure in it follows from the results of the tasks."""
    sections = [
        [f"# {title}", "", *_overview(findings)],
        ["## To do", "", *_to_do(findings)],
        ["## Documents", "", *documents(findings)],
        ["## Outlines", "", *_outlines(findings)],
        ["## Most linked", "", *_most_linked(findings)],
        ["## Links to elsewhere", "", *_external(findings)],
        ["## Contracts", "", *contracts(findings)],
        ["## Packages", "", *packages(findings)],
    ]
    return "\n".join("\n".join(section) + "\n" for section in sections)


def _overview(findings: Findings) -> list[str]:
    texts = findings.of_kind(Kind.MARKDOWN)
    words = sum(summary.words for summary in texts)
    internal = sum(len(check.internal) for check in findings.links.values())
    external = sum(len(check.external) for check in findings.links.values())
    broken = len(findings.broken())
    looked_at = (
        f"{counted(len(findings.summaries), 'document')}: "
        f"{counted(len(texts), 'page')} of prose, {counted(len(findings.of_kind(Kind.PROTO)), 'contract')} "
        f"and {counted(len(findings.of_kind(Kind.PACKAGE)), 'package')}."
    )
    reading = counted(round(words / _WORDS_A_MINUTE), "minute")
    return [
        looked_at,
        "",
        f"- The prose has {counted(words, 'word')}, {reading} of reading.",
        f"- Links within the repository: {internal + broken:,}, of which {counted(broken, 'leads', 'lead')} nowhere.",
        f"- Links to elsewhere: {external:,}, listed and not followed.",
        f"- Public names without a word about themselves: {len(findings.silent()):,}.",
        *_youngest(findings),
    ]


def _youngest(findings: Findings) -> list[str]:
    dated = [age for age in findings.ages.values() if age.standing is Standing.DATED]
    if not dated:
        return []
    latest = max(dated, key=lambda age: (age.date, age.path))
    return [f"- Last changed: {code(latest.path)} on {latest.date}, “{latest.subject}”."]


def _to_do(findings: Findings) -> list[str]:
    items = [
        f"- [ ] {code(f'{path}:{broken.line}')} links to {code(broken.target)}: {broken.why}."
        for path, broken in findings.broken()
    ]
    items += [
        f"- [ ] {code(summary.path)} has no heading."
        for summary in findings.of_kind(Kind.MARKDOWN)
        if not summary.parts
    ]
    items += [f"- [ ] {code(path)} is linked from nowhere." for path in findings.orphans()]
    items += [
        f"- [ ] {code(age.path)} is not committed."
        for age in findings.ages.values()
        if age.standing is Standing.UNCOMMITTED
    ]
    silent = [
        f"- [ ] {code(f'{each.path}:{each.line}')} {code(each.name)} has no words of its own."
        for each in findings.silent()
    ]
    if len(silent) > _LISTED:
        silent = [*silent[:_LISTED], f"- [ ] … and {len(silent) - _LISTED:,} more public names."]
    return items + silent or ["Nothing: every link leads somewhere, every page is linked, every name is explained."]


def _outlines(findings: Findings) -> list[str]:
    lines: list[str] = []
    for summary in findings.of_kind(Kind.MARKDOWN):
        lines += [f"### {summary.title}", "", f"{code(summary.path)}, {standing(findings.ages.get(summary.path))}", ""]
        if summary.lead:
            lines += [f"> {shortened(summary.lead, 400)}", ""]
        inner = [part for part in summary.parts[1:] if part.level <= 3]
        lines += [f"{'  ' * max(part.level - 2, 0)}- {part.title} (line {part.line})" for part in inner]
        lines += [""] if inner else []
    return lines[:-1]


def _most_linked(findings: Findings) -> list[str]:
    ranking = findings.most_linked()[:15]
    if not ranking:
        return ["No document is linked from more than one other."]
    return table(["document", "#linked from"], [(code(target), count) for target, count in ranking])


def _external(findings: Findings) -> list[str]:
    found = findings.external()
    if not found:
        return ["None."]
    return [f"- <{address}> in {', '.join(code(path) for path in paths)}" for address, paths in found]
