"""Following every link of a document to where it leads."""

import posixpath
from urllib.parse import unquote, urlsplit

from demo.documents.kinds import Document
from demo.work.model import BrokenLink, LinkCheck
from demo.work.sources import Analyst, Files, SourceMissing


async def check_links(document: Document, files: Files, analyst: Analyst) -> LinkCheck:
    """Resolves the links within the repository, files and headings; addresses elsewhere are listed, not tried.

    Raises SourceMissing when the document itself is gone.
    """
    links = await analyst.links(await files.read(document.path))
    internal: list[str] = []
    external: list[str] = []
    broken: list[BrokenLink] = []
    for link in links:
        address = urlsplit(link.target)
        if address.scheme or address.netloc:
            external.append(link.target)
            continue
        path = _resolved(document.path, unquote(address.path))
        why = await _fault(path, unquote(address.fragment), files, analyst)
        if why:
            broken.append(BrokenLink(link.line, link.target, why))
        else:
            internal.append(path)
    return LinkCheck(document.path, tuple(internal), tuple(external), tuple(broken))


def _resolved(origin: str, target: str) -> str:
    """The path that a link leads to, relative to the root; one that leads out of it starts with `..`."""
    if not target:
        return origin
    joined = target.lstrip("/") if target.startswith("/") else posixpath.join(posixpath.dirname(origin), target)
    return posixpath.normpath(joined or ".")


async def _fault(path: str, fragment: str, files: Files, analyst: Analyst) -> str:
    """Why a link to the path leads nowhere; empty when it does lead somewhere."""
    if path == ".." or path.startswith("../"):
        return "leads out of the repository"
    if not fragment or not path.endswith(".md"):
        return "" if await files.exist(path) else "no such file"
    try:
        outline = await analyst.outline(await files.read(path))
    except SourceMissing:
        return "no such file"
    return "" if fragment in outline.anchors else f"no such heading in {path}"
