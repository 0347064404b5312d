"""The outline, the links and the size of a Markdown text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

_WORD = re.compile(r"\w+(?:['-]\w+)*")
_NOT_IN_ANCHOR = re.compile(r"[^\w\- ]")
_HTML_ANCHOR = re.compile(r"<a\s[^>]*?(?:name|id)\s*=\s*[\"']([^\"']+)[\"']", re.IGNORECASE)
_parser = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading. `anchor` is what a link to it names, as code hosts make it; `line` counts from 1."""

    level: int
    title: str
    anchor: str
    line: int


@dataclass(frozen=True)
class Outline:
    """The headings in order, and the anchors that the text sets by itself in HTML."""

    headings: tuple[Heading, ...]
    html_anchors: tuple[str, ...]

    @property
    def anchors(self) -> frozenset[str]:
        """Everything that a link into the text may name."""
        return frozenset(self.html_anchors) | {heading.anchor for heading in self.headings}


@dataclass(frozen=True, slots=True)
class Link:
    """A link or an image, with its target as written; `line` counts from 1."""

    target: str
    line: int


@dataclass(frozen=True)
class Measure:
    """How much there is to read. `lead` is the first paragraph, `languages` those of the code blocks, in order."""

    words: int
    lines: int
    lead: str
    languages: tuple[str, ...]


def outline(text: str) -> Outline:
    """The headings with their anchors, and the anchors set in HTML."""
    tokens = _parser.parse(text)
    headings: list[Heading] = []
    given: dict[str, int] = {}
    for opening, content in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        title = _plain(content)
        anchor = _NOT_IN_ANCHOR.sub("", title.lower()).replace(" ", "-")
        given[anchor] = given.get(anchor, -1) + 1
        unique = f"{anchor}-{given[anchor]}" if given[anchor] else anchor
        headings.append(Heading(int(opening.tag[1]), title, unique, _line(opening)))
    html = [child.content for token in tokens for child in _flat(token) if child.type.startswith("html")]
    return Outline(tuple(headings), tuple(anchor for piece in html for anchor in _HTML_ANCHOR.findall(piece)))


def links(text: str) -> tuple[Link, ...]:
    """Every link and image, in order; those in code are none."""
    return tuple(link for token in _parser.parse(text) if token.type == "inline" for link in _links_in(token))


def measure(text: str) -> Measure:
    """Counts words, without those in code blocks."""
    tokens = _parser.parse(text)
    inline = [token for token in tokens if token.type == "inline"]
    paragraphs = [
        _plain(content)
        for opening, content in pairwise(tokens)
        if opening.type == "paragraph_open" and opening.level == 0
    ]
    return Measure(
        words=sum(len(_WORD.findall(_plain(token))) for token in inline),
        lines=text.count("\n") + bool(text and not text.endswith("\n")),
        lead=paragraphs[0] if paragraphs else "",
        languages=tuple(token.info.split()[0] for token in tokens if token.type == "fence" and token.info.strip()),
    )


def _links_in(inline: Token) -> Iterator[Link]:
    line = _line(inline)
    for child in inline.children or ():
        if child.type in {"softbreak", "hardbreak"}:
            line += 1
        target = child.attrGet({"link_open": "href", "image": "src"}.get(child.type, ""))
        if isinstance(target, str):
            yield Link(target, line)


def _plain(inline: Token) -> str:
    """The text of an inline token as it is read, on one line."""
    pieces = (
        child.content if child.type in {"text", "code_inline", "image"} else " "
        for child in inline.children or ()
        if child.type in {"text", "code_inline", "image", "softbreak", "hardbreak"}
    )
    return " ".join("".join(pieces).split())


def _flat(token: Token) -> Iterator[Token]:
    yield token
    yield from token.children or ()


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1
