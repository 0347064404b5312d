import pytest

from demo.documents import contract, docstrings, markdown
from demo.documents.kinds import Document, Kind, documents_among


def test_markdown_protos_and_packages_are_documents_and_generated_or_hidden_files_are_not() -> None:
    files = [
        "README.md",
        ".github/notes.md",
        "gen/rookery/__init__.py",
        "node_modules/x/README.md",
        "proto/a/v1/a.proto",
        "services/kit/__init__.py",
        "services/kit/clock.py",
        "services/kit/bus/__init__.py",
        "tests/unit/__init__.py",
        "tools/loose.py",
    ]
    assert documents_among(files) == (
        Document("README.md", Kind.MARKDOWN, ("README.md",)),
        Document("proto/a/v1/a.proto", Kind.PROTO, ("proto/a/v1/a.proto",)),
        Document("services/kit", Kind.PACKAGE, ("services/kit/__init__.py", "services/kit/clock.py")),
        Document("services/kit/bus", Kind.PACKAGE, ("services/kit/bus/__init__.py",)),
    )


def test_headings_get_the_anchors_that_code_hosts_give_them() -> None:
    outline = markdown.outline("# One\n\n## `up`, and *down*: a test!\n\n## One\n\nSetext\n======\n")
    assert [(each.level, each.title, each.anchor, each.line) for each in outline.headings] == [
        (1, "One", "one", 1),
        (2, "up, and down: a test!", "up-and-down-a-test", 3),
        (2, "One", "one-1", 5),
        (1, "Setext", "setext", 7),
    ]


def test_anchors_set_in_html_count_beside_those_of_headings() -> None:
    outline = markdown.outline("# A\n\n<a name=\"deep\"></a>\n\nText <a id='inline'></a> goes on.\n")
    assert outline.anchors == {"a", "deep", "inline"}


def test_links_are_found_with_their_lines_and_those_in_code_are_not() -> None:
    text = "See [a](a.md)\nand ![b](b.png), `[c](c.md)`,\n<https://d.example>.\n"
    text += "\n```\n[e](e.md)\n```\n\n[f]\n\n[f]: f.md\n"
    assert markdown.links(text) == (
        markdown.Link("a.md", 1),
        markdown.Link("b.png", 2),
        markdown.Link("https://d.example", 3),
        markdown.Link("f.md", 9),
    )


def test_prose_is_measured_without_code_blocks() -> None:
    measure = markdown.measure(
        "# A title\n\nFirst it's\nsaid.\n\n```python\nnot = prose\n```\n\n| x | y |\n| - | - |\n| 1 | 2 |\n"
    )
    assert measure.words == 9
    assert measure.lines == 12
    assert measure.lead == "First it's said."
    assert measure.languages == ("python",)


def test_an_empty_text_measures_nothing() -> None:
    assert markdown.measure("") == markdown.Measure(words=0, lines=0, lead="", languages=())


def test_a_proto_file_is_read_with_the_first_sentence_of_each_comment() -> None:
    text = """\
// Moves things.
syntax = "proto3";

package a.v1;

// The mover. More of it.
service Mover {
  // Moves: at once.
  rpc Move(MoveRequest) returns (MoveResponse);
}

// The request.
message MoveRequest {
  // Where to.
  string target = 1;
}

message MoveResponse {}
"""
    assert contract.read_contract(text) == contract.Contract(
        package="a.v1",
        lead="Moves things.",
        declarations=(
            contract.Declaration("service", "Mover", "The mover.", 7),
            contract.Declaration("rpc", "Move", "Moves:", 9),
            contract.Declaration("message", "MoveRequest", "The request.", 13),
            contract.Declaration("message", "MoveResponse", "", 18),
        ),
    )


def test_a_module_tells_its_docstring_and_which_public_names_say_nothing() -> None:
    source = (
        '"""What it is."""\n\nclass A:\n    """Said."""\n    def b(self): ...\n    def _c(self): ...\n\ndef _d(): ...\n'
    )
    assert docstrings.read_docstrings(source) == docstrings.ModuleDocs(
        docstring="What it is.", lines=8, public=("A", "A.b"), silent=(docstrings.Silence("A.b", 5),)
    )


def test_what_is_not_python_is_refused() -> None:
    with pytest.raises(ValueError, match="not Python"):
        docstrings.read_docstrings("def")
