"""How long the files are that people write."""

from pathlib import Path
from statistics import median

from tools.checks.step import ROOT, Failed, Step

LIMIT = 300
_FOLDERS = ("services", "clients", "tools", "tests", "bench", "demo")
_SUFFIXES = {".py", ".sql", ".sh", ".ts", ".go", ".java"}
# What a migration test compares with a whole schema is one file, however much the schema holds.
_WHOLE = {"schema.sql"}
_BUILT = {"node_modules", "__pycache__", "build", "dist"}


def line_counts() -> dict[str, int]:
    """Lines by file name, of code in every language but generated code."""
    found = (path for folder in _FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in _SUFFIXES)
    mine = (path for path in found if path.name not in _WHOLE and not _BUILT.intersection(path.parts))
    return {str(path.relative_to(ROOT)): _lines(path) for path in sorted(mine)}


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def _sizes() -> str:
    counts = line_counts()
    longest = sorted(counts, key=lambda name: counts[name], reverse=True)[:5]
    for name in longest:
        print(f"{counts[name]:5} {name}")
    summary = f"{len(counts)} files, {sum(counts.values())} lines, median {median(counts.values()):.0f}"
    print(summary)
    if counts[longest[0]] > LIMIT:
        raise Failed(f"{longest[0]} has more than {LIMIT} lines")
    return summary


STEP = Step("file sizes", _sizes)
