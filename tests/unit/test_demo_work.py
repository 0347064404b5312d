import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.documents.kinds import Document, Kind
from demo.sources.direct import DirectAnalyst
from demo.sources.filesystem import FilesystemFiles
from demo.sources.git import CommittedFiles, GitPast
from demo.sources.tools import ToolRefused
from demo.work.age import find_age
from demo.work.coding import decode, encode
from demo.work.links import check_links
from demo.work.model import Age, BrokenLink, Standing, Summary
from demo.work.sources import Commit, SourceMissing
from demo.work.summary import summarise


@dataclass(frozen=True)
class Shelf:
    """Files in memory."""

    texts: Mapping[str, str]

    async def all(self) -> list[str]:
        return sorted(self.texts)

    async def read(self, path: str) -> str:
        if path not in self.texts:
            raise SourceMissing(path)
        return self.texts[path]

    async def exist(self, path: str) -> bool:
        return path in self.texts or any(each.startswith(f"{path}/") for each in self.texts)


def page(path: str) -> Document:
    return Document(path, Kind.MARKDOWN, (path,))


async def test_links_are_followed_to_files_folders_and_headings() -> None:
    shelf = Shelf(
        {
            "README.md": "# Top\n",
            "docs/a.md": (
                "# A\n\n[b](b.md#part) [up](../README.md) [root](/README.md#top) [here](#a) [folder](../docs)\n"
                "[gone](c.md)\n[no part](b.md#other) [gone too](c.md#x) [out](../../x.md)\n"
                "[web](https://example.org/a) [mail](mailto:a@example.org) [cdn](//example.org)\n[spaced](b%20b.md)\n"
            ),
            "docs/b.md": "# B\n\n## Part\n",
            "docs/b b.md": "",
        }
    )
    check = await check_links(page("docs/a.md"), shelf, DirectAnalyst())
    assert check.internal == ("docs/b.md", "README.md", "README.md", "docs/a.md", "docs", "docs/b b.md")
    assert check.external == ("https://example.org/a", "mailto:a@example.org", "//example.org")
    assert check.broken == (
        BrokenLink(4, "c.md", "no such file"),
        BrokenLink(5, "b.md#other", "no such heading in docs/b.md"),
        BrokenLink(5, "c.md#x", "no such file"),
        BrokenLink(5, "../../x.md", "leads out of the repository"),
    )


async def test_a_page_is_summarised_by_its_first_heading_and_paragraph() -> None:
    summary = await summarise(page("a.md"), Shelf({"a.md": "# A\n\nWhat it is.\n\n## Part\n"}), DirectAnalyst())
    assert (summary.title, summary.lead, summary.words) == ("A", "What it is.", 5)
    assert [part.title for part in summary.parts] == ["A", "Part"]


async def test_a_package_is_summarised_module_by_module() -> None:
    texts = {"kit/__init__.py": '"""The kit.\n\nMore."""\n', "kit/a.py": '"""One thing. Two."""\n\n\ndef go(): ...\n'}
    document = Document("kit", Kind.PACKAGE, tuple(texts))
    summary = await summarise(document, Shelf(texts), DirectAnalyst())
    assert (summary.title, summary.lead, summary.lines) == ("kit", "The kit.", 7)
    assert [(part.title, part.says) for part in summary.parts] == [("__init__.py", "The kit."), ("a.py", "One thing.")]
    assert [(each.path, each.name, each.line) for each in summary.silent] == [("kit/a.py", "go", 4)]


async def test_results_survive_json() -> None:
    texts = {"a.proto": '// What.\nsyntax = "proto3";\n\npackage a;\n\nmessage B {}\n'}
    summary = await summarise(Document("a.proto", Kind.PROTO, ("a.proto",)), Shelf(texts), DirectAnalyst())
    assert decode(Summary, json.loads(json.dumps(encode(summary)))) == summary


@dataclass(frozen=True)
class Ledger:
    """A history in memory: texts by commit, newest first."""

    texts: Mapping[str, str | None]

    async def commits(self, limit: int) -> list[Commit]:
        return [Commit(sha, f"2026-01-{day:02}", f"change {sha}") for day, sha in enumerate(self.texts, 1)][:limit]

    async def text_at(self, sha: str, path: str) -> str | None:
        return self.texts[sha]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"c": "new", "b": "new", "a": "old"}, Age("x.md", Standing.DATED, "b", "2026-01-02", "change b")),
        ({"c": "new", "b": None}, Age("x.md", Standing.DATED, "c", "2026-01-01", "change c")),
        ({"c": "same", "b": "same"}, Age("x.md", Standing.OLDER, "b", "2026-01-02", "change b")),
        ({"c": None, "b": "gone"}, Age("x.md", Standing.UNCOMMITTED)),
    ],
)
async def test_a_document_is_as_old_as_the_commit_before_which_it_read_otherwise(
    texts: dict[str, str | None], expected: Age
) -> None:
    assert await find_age("x.md", "c", Ledger(texts)) == expected


async def test_commits_after_the_one_taken_for_the_present_do_not_count() -> None:
    age = await find_age("x.md", "b", Ledger({"c": "later", "b": "new", "a": "old"}))
    assert (age.standing, age.commit) == (Standing.DATED, "b")


@dataclass(frozen=True)
class Answer:
    text: str
    is_error: bool = False
    structured: object = None


class Tools:
    """Answers by tool and what it is asked about."""

    def __init__(self, answers: Mapping[tuple[str, object], Answer]) -> None:
        self._answers = answers

    async def __call__(self, server: str, tool: str, arguments: Mapping[str, object], /) -> Answer:
        asked = arguments.get("revision") or arguments.get("path") or arguments.get("max_count")
        return self._answers[tool, asked]


async def test_the_working_tree_is_read_through_the_filesystem_server() -> None:
    tree = [
        {"name": "docs", "type": "directory", "children": [{"name": "a.md", "type": "file"}]},
        {"name": "README.md", "type": "file"},
    ]
    gone = Answer("ENOENT: no such file or directory, stat '/r/b.md'", is_error=True)
    files = FilesystemFiles(
        Path("/r"),
        Tools(
            {
                ("directory_tree", "/r"): Answer(json.dumps(tree)),
                ("read_text_file", "/r/README.md"): Answer("# Top\n"),
                ("read_text_file", "/r/b.md"): gone,
                ("get_file_info", "/r/docs"): Answer("size: 4096"),
                ("get_file_info", "/r/b.md"): gone,
                ("get_file_info", "/r/c.md"): Answer("EACCES: permission denied", is_error=True),
            }
        ),
    )
    assert await files.all() == ["README.md", "docs/a.md"]
    assert await files.read("README.md") == "# Top\n"
    assert await files.exist("docs")
    assert not await files.exist("b.md")
    with pytest.raises(SourceMissing):
        await files.read("b.md")
    with pytest.raises(ToolRefused, match="permission denied"):
        await files.exist("c.md")


async def test_a_commit_is_read_through_the_git_server() -> None:
    missing = Answer("Error executing tool git_show: \"Blob or Tree named 'b.md' not found\"", is_error=True)
    log = (
        "Commit history:\nCommit: c0ffee\nAuthor: A <a@example.org>\nDate: 2026-01-02 10:00:00+01:00\n"
        "Message: Say more\n\nAt length.\n\n"
        "Commit: decade\nAuthor: B\nDate: 2026-01-01 10:00:00+01:00\nMessage: Begin\n"
    )
    past = GitPast(
        Path("/r"),
        Tools(
            {
                ("git_log", 5): Answer(log),
                ("git_show", "c0ffee:"): Answer("README.md\n.hidden/\ndocs/"),
                ("git_show", "c0ffee:docs"): Answer("a.md"),
                ("git_show", "c0ffee:README.md"): Answer("# Top\n"),
                ("git_show", "c0ffee:b.md"): missing,
                ("git_show", "bad:b.md"): Answer(
                    "Error executing tool git_show: Ref 'bad' did not resolve", is_error=True
                ),
            }
        ),
    )
    assert await past.commits(5) == [
        Commit("c0ffee", "2026-01-02", "Say more"),
        Commit("decade", "2026-01-01", "Begin"),
    ]
    files = CommittedFiles(past, "c0ffee")
    assert await files.all() == ["README.md", "docs/a.md"]
    assert await files.read("README.md") == "# Top\n"
    assert await files.exist(".")
    assert not await files.exist("b.md")
    with pytest.raises(SourceMissing):
        await files.read("b.md")
    with pytest.raises(ToolRefused, match="did not resolve"):
        await past.text_at("bad", "b.md")
