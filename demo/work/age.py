"""Finding out when a document last changed."""

from itertools import pairwise

from demo.work.model import Age, Standing
from demo.work.sources import Past

# Looking further back would cost a tool call a commit and tell the reader little more.
COMMITS = 24


async def find_age(path: str, revision: str, past: Past) -> Age:
    """Walks back from `revision` until the text of the document differs from what it is there."""
    commits = await past.commits(COMMITS)
    while commits and commits[0].sha != revision:
        commits.pop(0)
    present = await past.text_at(revision, path)
    if present is None or not commits:
        return Age(path, Standing.UNCOMMITTED)
    for newer, older in pairwise(commits):
        if await past.text_at(older.sha, path) != present:
            return Age(path, Standing.DATED, newer.sha, newer.date, newer.subject)
    oldest = commits[-1]
    return Age(path, Standing.OLDER, oldest.sha, oldest.date, oldest.subject)
