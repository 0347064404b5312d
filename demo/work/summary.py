"""Saying what a document holds."""

import hashlib
from typing import assert_never

from demo.documents.contract import first_sentence
from demo.documents.kinds import Document, Kind
from demo.work.model import Part, Silence, Summary
from demo.work.sources import Analyst, Files


async def summarise(document: Document, files: Files, analyst: Analyst) -> Summary:
    """Summarises a document of any kind. Raises SourceMissing."""
    match document.kind:
        case Kind.MARKDOWN:
            return await _markdown(document, await files.read(document.path), analyst)
        case Kind.PROTO:
            return await _proto(document, await files.read(document.path), analyst)
        case Kind.PACKAGE:
            return await _package(document, files, analyst)
        case _:
            assert_never(document.kind)


async def _markdown(document: Document, text: str, analyst: Analyst) -> Summary:
    outline = await analyst.outline(text)
    measure = await analyst.measure(text)
    return Summary(
        path=document.path,
        kind=document.kind,
        digest=_digest(text),
        size=len(text.encode()),
        lines=measure.lines,
        words=measure.words,
        title=outline.headings[0].title if outline.headings else document.path,
        lead=measure.lead,
        parts=tuple(Part(heading.level, heading.title, "", heading.line) for heading in outline.headings),
        silent=(),
    )


async def _proto(document: Document, text: str, analyst: Analyst) -> Summary:
    contract = await analyst.contract(text)
    declared = contract.declarations
    return Summary(
        path=document.path,
        kind=document.kind,
        digest=_digest(text),
        size=len(text.encode()),
        lines=len(text.splitlines()),
        words=sum(len(each.says.split()) for each in declared) + len(contract.lead.split()),
        title=contract.package,
        lead=contract.lead,
        parts=tuple(
            Part(2 + (each.sort == "rpc"), f"{each.sort} {each.name}", each.says, each.line) for each in declared
        ),
        silent=tuple(Silence(each.name, document.path, each.line) for each in declared if not each.says),
    )


async def _package(document: Document, files: Files, analyst: Analyst) -> Summary:
    texts = {path: await files.read(path) for path in document.sources}
    docs = {path: await analyst.docstrings(text) for path, text in texts.items()}
    own = docs.get(f"{document.path}/__init__.py")
    modules = {path: module for path, module in docs.items() if module.docstring or module.public}
    return Summary(
        path=document.path,
        kind=document.kind,
        digest=_digest(*texts.values()),
        size=sum(len(text.encode()) for text in texts.values()),
        lines=sum(module.lines for module in docs.values()),
        words=sum(len(module.docstring.split()) for module in docs.values()),
        title=document.path.rpartition("/")[2],
        lead=" ".join(own.docstring.partition("\n\n")[0].split()) if own else "",
        parts=tuple(
            Part(2, path.rpartition("/")[2], first_sentence(module.docstring), 1) for path, module in modules.items()
        ),
        silent=tuple(Silence(each.name, path, each.line) for path, module in docs.items() for each in module.silent),
    )


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
