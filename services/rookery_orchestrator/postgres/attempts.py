"""The end of attempts."""

from collections.abc import Sequence

from rookery_kit.postgres import Connection, Queries

from rookery_orchestrator.model import AttemptOutcome, LeaseKey

EndedAttempt = tuple[LeaseKey, AttemptOutcome, str]


async def end_attempts(connection: Connection, queries: Queries, ended: Sequence[EndedAttempt]) -> None:
    """Notes how attempts ended, each with the words of its agent, if it had any. Nothing happens to ended ones."""
    await connection.execute(
        queries["end_attempts"],
        [lease.task_id for lease, _, _ in ended],
        [lease.lease_epoch for lease, _, _ in ended],
        [outcome for _, outcome, _ in ended],
        [message for _, _, message in ended],
    )
