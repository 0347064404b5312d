"""What the use cases need of a store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from rookery_kit.errors import RookeryError

from rookery_tool_executor.model import Execution, ExecutionState, McpServer, ToolAnswer, ToolCall


@dataclass(frozen=True, slots=True)
class Reservation:
    """The right to execute a call; `epoch` is the fence that the outcome must pass."""

    id: str
    epoch: int
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended. `uncalled`: the tool was certainly not called, so the request_id is free again."""

    state: ExecutionState
    answer: ToolAnswer | None = None
    error_reason: str = ""
    error_message: str = ""
    uncalled: bool = False


@dataclass(frozen=True, slots=True)
class Recalled:
    """What stands under a request_id: whether for the same call, and whether its executor's lease has run out."""

    execution: Execution
    epoch: int
    same_call: bool
    ownerless: bool
    repeatable: bool


@dataclass(frozen=True, slots=True)
class Held:
    """An execution that is reserved."""

    tenant: str
    id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """A page of executions, newest first, after the execution `before` (None: the first page).

    An empty `server` or `task_id` means any. The page ends at `limit` executions, or with the one that takes it to
    `byte_budget` bytes of arguments and answers.
    """

    before: str | None
    server: str
    task_id: str
    limit: int
    byte_budget: int


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """Executions, and whether there are more behind them."""

    executions: Sequence[Execution]
    more: bool


class LedgerStore(Protocol):
    """The record of executions, and the leases of the executors that own them, in the store's time."""

    async def reserve(
        self, execution_id: str, call: ToolCall, executor_id: str, *, repeatable: bool
    ) -> Reservation | None:
        """Reserves a new execution, or takes over a lost one of the same request_id and call where it is repeatable.

        None when another execution stands under the request_id, or when the executor's own lease has run out.
        """
        ...

    async def recall(self, call: ToolCall) -> Recalled | None:
        """What stands under the call's request_id; None when nothing does."""
        ...

    async def finalise(self, tenant: str, reservation: Reservation, outcome: Outcome) -> timedelta | None:
        """Records an outcome and answers the duration. Raises FenceLost when another executor has taken over."""
        ...

    async def refuse(self, execution_id: str, call: ToolCall, executor_id: str, error: RookeryError) -> None:
        """Records a call for which nothing was reserved, because it could not be made."""
        ...

    async def page(self, tenant: str, query: ExecutionQuery) -> ExecutionPage:
        """One page of executions."""
        ...

    async def renew_lease(self, executor_id: str, duration: timedelta) -> None:
        """Gives the executor a lease from now on, whatever it had."""
        ...

    async def close_lease(self, executor_id: str) -> None:
        """Ends the executor's lease at once."""
        ...

    async def held_by(self, executor_id: str) -> Sequence[Held]:
        """What the executor has reserved, of every tenant."""
        ...

    async def abandon(self, held: Held) -> None:
        """Marks an execution AMBIGUOUS, if it is still reserved in that epoch."""
        ...

    async def sweep(self) -> int:
        """Marks AMBIGUOUS what lost executors had reserved, of every tenant, and answers how many."""
        ...


class ServerStore(Protocol):
    """The MCP servers that the registry has told of."""

    async def find(self, tenant: str, name: str) -> McpServer | None:
        """The server of a name; None when none is known."""
        ...

    async def list(self, tenant: str) -> Sequence[McpServer]:
        """Every server by name."""
        ...

    async def remember(self, servers: Sequence[McpServer]) -> None:
        """Keeps what the registry answered; an event about the same server always wins."""
        ...
