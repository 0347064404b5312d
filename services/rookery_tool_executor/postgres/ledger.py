"""The ledger of executions."""

from collections.abc import Sequence
from datetime import timedelta

from asyncpg import Record
from rookery_kit.errors import RookeryError
from rookery_kit.postgres import Database, Queries

from rookery_tool_executor.model import Execution, ExecutionState, FenceLost, ToolAnswer, ToolCall
from rookery_tool_executor.postgres.answer_encoding import decode_content, encode_content
from rookery_tool_executor.store import ExecutionPage, ExecutionQuery, Held, Outcome, Recalled, Reservation


class PostgresLedgerStore:
    """Implements LedgerStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def reserve(
        self, execution_id: str, call: ToolCall, executor_id: str, *, repeatable: bool
    ) -> Reservation | None:
        """Reserves in one statement."""
        async with self._database.transaction(call.tenant) as connection:
            row = await connection.fetchrow(
                self._queries["reserve"],
                call.tenant,
                execution_id,
                call.subject,
                call.request_id or None,
                call.digest,
                call.task_id or None,
                call.server,
                call.tool,
                call.arguments,
                repeatable,
                executor_id,
                call.delegates,
            )
        return Reservation(str(row["id"]), row["epoch"], row["create_time"]) if row else None

    async def recall(self, call: ToolCall) -> Recalled | None:
        """Looks under the request_id."""
        async with self._database.transaction(call.tenant) as connection:
            row = await connection.fetchrow(
                self._queries["recall"], call.tenant, call.subject, call.request_id, call.digest
            )
        if row is None:
            return None
        return Recalled(_execution(row), row["epoch"], row["same_call"], row["ownerless"], row["repeatable"])

    async def finalise(self, tenant: str, reservation: Reservation, outcome: Outcome) -> timedelta | None:
        """Records in one statement."""
        answer = outcome.answer
        async with self._database.transaction(tenant) as connection:
            row = await connection.fetchrow(
                self._queries["finalise"],
                tenant,
                reservation.id,
                reservation.epoch,
                outcome.state,
                None if answer is None else encode_content(answer.content),
                None if answer is None else answer.structured,
                answer is not None and answer.is_error,
                outcome.error_reason,
                _storable(outcome.error_message),
                outcome.uncalled,
            )
        if row is None:
            raise FenceLost(reservation.id)
        duration: timedelta | None = row["duration"]
        return duration

    async def refuse(self, execution_id: str, call: ToolCall, executor_id: str, error: RookeryError) -> None:
        """Records an execution that never was one."""
        async with self._database.transaction(call.tenant) as connection:
            await connection.execute(
                self._queries["refuse"],
                call.tenant,
                execution_id,
                call.subject,
                call.digest,
                call.task_id or None,
                call.server,
                call.tool,
                call.arguments,
                executor_id,
                error.reason,
                _storable(error.message),
                call.delegates,
            )

    async def page(self, tenant: str, query: ExecutionQuery) -> ExecutionPage:
        """Reads one page."""
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(
                self._queries["page_executions"],
                tenant,
                query.before,
                query.server,
                query.task_id or None,
                query.limit + 1,
                query.byte_budget,
            )
        executions = [_execution(row) for row in rows[: query.limit]]
        return ExecutionPage(executions, more=bool(rows) and rows[0]["found"] > len(executions))

    async def renew_lease(self, executor_id: str, duration: timedelta) -> None:
        """In the database's time."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["renew_lease"], executor_id, duration)

    async def close_lease(self, executor_id: str) -> None:
        """Removes the executor."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["close_lease"], executor_id)

    async def held_by(self, executor_id: str) -> Sequence[Held]:
        """Reads what is reserved."""
        async with self._database.system_transaction() as connection:
            rows = await connection.fetch(self._queries["held_by"], executor_id)
        return [Held(row["tenant"], row["id"], row["epoch"]) for row in rows]

    async def abandon(self, held: Held) -> None:
        """Fenced by the epoch."""
        async with self._database.transaction(held.tenant) as connection:
            await connection.execute(self._queries["abandon"], held.tenant, held.id, held.epoch)

    async def sweep(self) -> int:
        """Marks the executions of lost executors, and forgets what nobody needs any more."""
        async with self._database.system_transaction() as connection:
            done = await connection.execute(self._queries["sweep_ownerless"])
            await connection.execute(self._queries["sweep_executors"])
            await connection.execute(self._queries["sweep_tombstones"])
        return int(done.rpartition(" ")[2])


def _storable(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _execution(row: Record) -> Execution:
    """The one mapping of a row."""
    content = row["content"]
    answer = None
    if content is not None:
        answer = ToolAnswer(decode_content(content), row["structured_content"] or b"", row["is_error"])
    call = ToolCall(
        tenant=row["tenant"],
        subject=row["subject"],
        server=row["server"],
        tool=row["tool"],
        arguments=row["arguments"],
        task_id=str(row["task_id"] or ""),
        request_id=str(row["request_id"] or ""),
        delegates=tuple(row["delegates"]),
    )
    return Execution(
        id=str(row["id"]),
        call=call,
        state=ExecutionState(row["state"]),
        answer=answer,
        error_reason=row["error_reason"],
        error_message=row["error_message"],
        create_time=row["create_time"],
        duration=row["end_time"] - row["create_time"] if row["end_time"] else None,
    )
