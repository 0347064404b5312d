import json
from collections.abc import Sequence

import pytest
from rookery_cli.output import Column, Output, fit
from rookery_cli.paging import Extent, collect

COLUMNS = (
    Column("NAME", lambda thing: thing["name"]),
    Column("ID", lambda thing: thing["id"], fixed=True),
)


def things(count: int) -> list[dict[str, str]]:
    return [{"name": f"thing {n}", "id": f"{n:036}"} for n in range(count)]


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).listing("things", things(2), COLUMNS, more=True, unavailable=[])
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"things": things(2), "more": True, "unavailable": []}
    assert captured.err == ""


def test_a_table_tells_on_standard_error_that_there_is_more(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).listing("things", things(2), COLUMNS, more=True)
    captured = capsys.readouterr()
    assert [line.split() for line in captured.out.splitlines()] == [
        ["NAME", "ID"],
        ["thing", "0", "0" * 36],
        ["thing", "1", "0" * 35 + "1"],
    ]
    assert captured.err == "these are the first 2; see more with --limit N or --all\n"


def test_an_empty_listing_says_so_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).listing("things", [], COLUMNS, more=False)
    assert capsys.readouterr() == ("", "no things\n")


def test_a_pipe_gets_whole_values_and_no_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    Output(as_json=False).table([{"name": "x" * 500, "id": "1"}], COLUMNS)
    written = capsys.readouterr().out
    assert "x" * 500 in written
    assert "\x1b" not in written


def test_a_narrow_terminal_cuts_what_may_be_cut_and_never_an_id(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    Output(as_json=False).table([{"name": "x" * 500, "id": "7" * 36}], COLUMNS)
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= 60
    assert "7" * 36 in lines[1]
    assert "…" in lines[1]


@pytest.mark.parametrize(
    ("natural", "fixed", "room", "widths"),
    [
        ([10, 20], [False, False], 40, [10, 20]),
        ([10, 20], [False, False], 25, [10, 15]),
        ([30, 20, 36], [False, False, True], 66, [15, 15, 36]),
        ([100, 4, 36], [False, False, True], 30, [6, 4, 36]),
        ([36, 36], [True, True], 10, [36, 36]),
    ],
)
def test_the_widest_column_that_may_be_cut_gives_way_first(
    natural: list[int], fixed: list[bool], room: int, widths: list[int]
) -> None:
    assert fit(natural, fixed, room) == widths


def test_what_comes_from_the_suite_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = {"name": "\x1b[2Jgone\r\n[bold]red[/bold]", "id": "1"}
    output = Output(as_json=False)
    output.table([hostile], COLUMNS)
    output.one(hostile, COLUMNS)
    output.line(hostile["name"])
    written = capsys.readouterr().out
    assert "\x1b" not in written
    assert "\r" not in written
    assert "[bold]red[/bold]" in written


def test_one_thing_leaves_out_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).one({"name": "", "id": "1"}, COLUMNS)
    assert capsys.readouterr().out.split() == ["ID", "1"]


class Pages:
    """A listing of so many numbers, in pages; remembers what was asked."""

    def __init__(self, count: int) -> None:
        self._numbers = range(count)
        self.asked: list[int] = []

    async def fetch(self, size: int, token: str) -> tuple[Sequence[int], str]:
        self.asked.append(size)
        begin = int(token or "0")
        end = min(begin + size, len(self._numbers))
        return self._numbers[begin:end], str(end) if end < len(self._numbers) else ""


@pytest.mark.parametrize(
    ("there_are", "wanted", "got", "more"),
    [(0, 50, 0, False), (50, 50, 50, False), (51, 50, 50, True), (450, 420, 420, True), (450, None, 450, False)],
)
async def test_a_listing_is_read_page_by_page_up_to_what_is_wanted(
    there_are: int, wanted: int | None, got: int, *, more: bool
) -> None:
    pages = Pages(there_are)
    numbers, there_is_more = await collect(pages.fetch, Extent(wanted))
    assert (len(numbers), there_is_more) == (got, more)
    assert max(pages.asked) <= 200
