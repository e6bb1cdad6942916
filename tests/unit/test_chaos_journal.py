"""What processes write down while they are being killed can be read."""

import pytest
from journal import JOURNAL, Journal, Notes


@pytest.fixture
def journal(tmp_path, monkeypatch):
    path = tmp_path / "journal"
    monkeypatch.setenv(JOURNAL, str(path))
    return Journal(path)


def test_lines_are_read_while_they_are_written(journal):
    notes = Notes(seed=1, fold="fold-0")
    notes.took({"rate": 0.5})
    with notes.step(1):
        assert [line.what for line in journal.lines()] == ["take", "begin"]
    found = journal.lines()
    assert [line.what for line in found] == ["take", "begin", "end"]
    assert (found[0].params, found[2].step) == ({"rate": 0.5}, 1)


def test_a_part_of_a_line_is_left_out_and_spoils_no_other(journal):
    notes = Notes(seed=1, fold="fold-0")
    notes.begins(1)
    whole = journal.path.read_bytes()
    with journal.path.open("ab") as file:
        file.write(whole[: len(whole) // 2])  # its writer was killed
    assert [line.step for line in journal.lines()] == [1]
    notes.begins(2)
    assert [line.step for line in journal.lines()] == [1, 2]
