"""The note of when some replica last looked for leases that have run out."""

from datetime import timedelta
from enum import Enum

import structlog
from rookery_kit.postgres import Connection, Queries

_log = structlog.get_logger(__name__)


class Sweep(Enum):
    """What noting a sweep came to."""

    BEGUN = "begun"
    BEGUN_AFTER_OUTAGE = "begun after an outage"
    LEFT_TO_ANOTHER = "left to another"


async def note_sweep(connection: Connection, queries: Queries, outage: timedelta) -> Sweep:
    """Notes that this transaction looks for lapsed leases, in the name of every tenant.

    When that was last done longer than `outage` ago, nobody could beat in between, and every lease that ran then runs
    its whole duration from now. A replica that vanishes in the middle holds up the others for 5 s at the most.
    """
    await connection.execute("SET LOCAL idle_in_transaction_session_timeout = '5s'")
    row = await connection.fetchrow(queries["note_sweep"])
    if row is None:
        return Sweep.LEFT_TO_ANOTHER
    if row["gap"] <= outage:
        return Sweep.BEGUN
    answer = await connection.execute(queries["resume_leases"], row["last"])
    resumed = int(answer.rpartition(" ")[2])
    _log.info("leases run anew after an outage", seconds=row["gap"].total_seconds(), agents=resumed)
    return Sweep.BEGUN_AFTER_OUTAGE
