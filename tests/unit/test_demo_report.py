from demo.documents.kinds import Kind
from demo.report.findings import Findings
from demo.report.markdown import code, shortened, table
from demo.report.page import write_page
from demo.work.model import Age, BrokenLink, LinkCheck, Part, Silence, Standing, Summary


def summary(path: str, kind: Kind = Kind.MARKDOWN, *, silent: tuple[Silence, ...] = ()) -> Summary:
    parts = (Part(1, f"About {path}", "", 1), Part(2, "Part", "", 5))
    return Summary(path, kind, "d" * 64, 1234, 20, 460, f"About {path}", "In short.", parts, silent)


def links(path: str, *internal: str, broken: tuple[BrokenLink, ...] = (), external: tuple[str, ...] = ()) -> LinkCheck:
    return LinkCheck(path, internal, external, broken)


FINDINGS = Findings(
    summaries={
        each.path: each
        for each in (
            summary("README.md"),
            summary("docs/a.md"),
            summary("docs/lonely.md"),
            summary("docs/adr/README.md"),
            summary("kit", Kind.PACKAGE, silent=(Silence("go", "kit/run.py", 7),)),
        )
    },
    links={
        each.path: each
        for each in (
            links("README.md", "docs/a.md", "docs/adr", external=("https://example.org",)),
            links("docs/a.md", "README.md", "docs/a.md", broken=(BrokenLink(3, "b.md", "no such file"),)),
            links("docs/lonely.md", "docs/lonely.md", "README.md"),
            links("docs/adr/README.md"),
        )
    },
    ages={"docs/a.md": Age("docs/a.md", Standing.DATED, "c0ffee00", "2026-01-02", "Say more")},
)


def test_documents_that_no_other_links_to_are_orphans_unless_their_folder_is_linked() -> None:
    assert FINDINGS.orphans() == ["docs/lonely.md"]


def test_a_document_counts_once_for_each_document_that_links_to_it() -> None:
    assert FINDINGS.most_linked() == [("README.md", 2)]


def test_the_page_says_what_is_to_be_done_and_where() -> None:
    page = write_page(FINDINGS, "The documents")
    to_do = page.partition("## To do\n\n")[2].partition("\n\n")[0].splitlines()
    assert to_do == [
        "- [ ] `docs/a.md:3` links to `b.md`: no such file.",
        "- [ ] `docs/lonely.md` is linked from nowhere.",
        "- [ ] `kit/run.py:7` `go` has no words of its own.",
    ]


def test_the_page_names_every_document_and_its_last_change() -> None:
    page = write_page(FINDINGS, "The documents")
    assert page.startswith("# The documents\n\n5 documents: 4 pages of prose, 0 contracts and 1 package.")
    assert all(f"`{path}`" in page for path in FINDINGS.summaries)
    assert "changed 2026-01-02 (c0ffee00)" in page
    assert "Links within the repository: 7, of which 1 leads nowhere." in page


def test_with_nothing_to_do_the_page_says_so() -> None:
    page = write_page(Findings({"README.md": summary("README.md")}, {"README.md": links("README.md")}), "T")
    assert "Nothing: every link leads somewhere" in page


def test_cells_of_a_table_cannot_break_it() -> None:
    assert table(["a", "#n"], [("x|y\nz", 1234)]) == ["| a | n |", "| --- | ---: |", "| x\\|y z | 1,234 |"]


def test_code_with_a_backtick_gets_a_longer_fence() -> None:
    assert code("a`b") == "``a`b``"


def test_long_text_is_cut_at_a_word() -> None:
    assert shortened("one two, three", 10) == "one two …"
    assert shortened("short", 10) == "short"
