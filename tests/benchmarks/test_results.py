from pathlib import Path

from tests.benchmarks.results import Absent, Figure, Measured, gather, read, write


def test_the_rounds_of_a_figure_come_together():
    first = [Figure("start", "first answer", "ours", "s", 3.0), Figure("start", "first answer", "MLServer", "s", 9.0)]
    part = gather({}, [*first, Figure("start", "first answer", "ours", "s", 5.0)])
    assert [(one.subject, one.values, one.median, one.spread) for one in part.figures] == [
        ("ours", [3.0, 5.0], 4.0, 0.5),
        ("MLServer", [9.0], 9.0, 0.0),
    ]


def test_what_is_written_is_read_again(tmp_path: Path):
    parts = {"http": gather({"cores": 2}, [Figure("memory", "all", "ours", "MB", 1.5), Absent("memory", "x", "No.")])}
    write(tmp_path / "docs/benchmarks.json", parts)
    assert read(tmp_path / "docs/benchmarks.json") == parts
    assert read(tmp_path / "missing.json") == {}
    assert parts["http"].figures == [Measured("memory", "all", "ours", "MB", [1.5])]
