"""Finding the documents."""

from demo.documents.kinds import documents_among
from demo.work.model import Inventory
from demo.work.sources import Files


async def take_inventory(files: Files) -> Inventory:
    """Lists the documents among all files."""
    return Inventory(documents_among(await files.all()))
