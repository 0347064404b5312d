"""The figures of a run, and the table that shows them."""

from dataclasses import dataclass

from rich.console import Console

from demo.mail.accounts import Accounts
from demo.run.kills import Recovery
from demo.run.verdict import TaskCount, ToolCallCount

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. `changing` results were about files that somebody changed during the run."""

    tasks: TaskCount
    mail: Accounts
    tool_calls: ToolCallCount
    recoveries: tuple[Recovery, ...]
    changing: int
    ready_seconds: float
    total_seconds: float
    peak_bytes: int

    def rows(self) -> list[tuple[str, str]]:
        """Label and value of each line of the table."""
        calls, mail = self.tool_calls, self.mail
        rows = [
            ("tasks", f"{self.tasks.tasks}, each completed exactly once"),
            ("attempts", f"{self.tasks.attempts}"),
            ("reassigned", f"{self.tasks.reassigned}"),
            ("messages sent", f"{mail.acknowledged}"),
            ("messages delivered", f"{mail.delivered}, of which {mail.repeated} handled more than once"),
            ("tool calls", f"{calls.succeeded + calls.refusing}, of which {calls.refusing} answered with an error"),
            ("without an answer", f"{calls.unanswered} failed, {calls.ambiguous} ambiguous"),
        ]
        if self.changing:
            rows.append(("not compared", f"{self.changing} results about files that changed during the run"))
        rows += [
            (f"killed {each.target}", f"{each.in_flight} tasks in flight; {each.told()}") for each in self.recoveries
        ]
        return [
            *rows,
            ("peak memory", f"{self.peak_bytes / _MIB:.0f} MiB, all processes"),
            ("start to all SERVING", f"{self.ready_seconds:.1f} s"),
            ("whole run", f"{self.total_seconds:.1f} s"),
        ]

    def show(self, console: Console) -> None:
        """Prints the table."""
        rows = self.rows()
        width = max(len(label) for label, _ in rows)
        for label, value in rows:
            console.print(f"{label:<{width}}  {value}", soft_wrap=True, markup=False)
