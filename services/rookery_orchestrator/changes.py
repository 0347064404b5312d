"""Who is told, within this process, that tasks have changed."""

from collections.abc import Callable, Iterable

from rookery_orchestrator.model import Task, TaskChange

Listener = Callable[[TaskChange], None]


class TaskChanges:
    """Hands changes to listeners: of this replica at once, of others as they come over the bus.

    A change may come twice, and late: listeners go by its revision and epoch.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tells `listener` of every change from now on. It must not block."""
        self._listeners.append(listener)

    def tell(self, change: TaskChange) -> None:
        """Hands on one change."""
        for listener in self._listeners:
            listener(change)

    def tell_of(self, tasks: Iterable[Task]) -> None:
        """Hands on the changes after which tasks stand as they do."""
        for task in tasks:
            self.tell(TaskChange.of(task))
