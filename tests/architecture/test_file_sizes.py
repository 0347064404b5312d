from tools.checks.file_sizes import LIMIT, line_counts


def test_no_file_that_people_write_passes_the_limit() -> None:
    counts = line_counts()
    assert len(counts) > 50, "the listing is broken: it finds hardly any file"
    assert {name: lines for name, lines in counts.items() if lines > LIMIT} == {}
