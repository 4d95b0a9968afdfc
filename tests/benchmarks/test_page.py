from pathlib import Path

import pytest

from tests.benchmarks import plot
from tests.benchmarks.aims import aims
from tests.benchmarks.figures import Figures
from tests.benchmarks.http import CASSANDRA, MEMORY, RESIDENT, SQLITE, Row, figures, rows_of
from tests.benchmarks.load import Answered
from tests.benchmarks.page import page
from tests.benchmarks.peers.floors import BENTOML, floors
from tests.benchmarks.peers.mlflow_serve import pyfunc
from tests.benchmarks.peers.mlserver import NAME as MLSERVER
from tests.benchmarks.peers.ours import ours
from tests.benchmarks.peers.workshop import NAME as WORKSHOP
from tests.benchmarks.results import OURS, Absent, Figure, Part, gather

ONE, MANY = Row(1, False), Row(32, False)
MACHINE = {"date": "today", "cores": 2, "versions": {"Python": "3.11"}}


def rates(table: str, row: Row, **subjects: float) -> list[Figure]:
    return [Figure(table, row.name, who, "requests/s", value) for who, value in subjects.items()]


@pytest.fixture
def parts() -> dict[str, Part]:
    http = rates(SQLITE, ONE, **{OURS: 300.0, BENTOML: 600.0}) + rates(SQLITE, ONE, **{OURS: 330.0, BENTOML: 600.0})
    http += rates(CASSANDRA, ONE, **{OURS: 200.0, WORKSHOP: 3.0})
    http += [Figure(SQLITE, MANY.name, OURS, "errors", 0), Figure(SQLITE, MANY.name, OURS, "requests/s", 900.0)]
    http += [Figure(SQLITE, MANY.name, OURS, "errors", 4), Figure(MEMORY, RESIDENT, OURS, "MB", 351.0)]
    http += [Absent(SQLITE, MLSERVER, "It cannot be installed.")]
    epoch = "the whole training of `workshop`, 3 epochs"
    training = [Figure("training", epoch, OURS, "s", 10.0), Figure("training", epoch, "unmasked", "s", 300.0)]
    return {"training": gather(MACHINE, training), "http": gather(MACHINE, http)}


def test_a_ratio_above_one_says_that_ours_is_better(parts):
    found = Figures(parts.values())
    assert found.ratio(CASSANDRA, ONE.name, WORKSHOP, "requests/s") == pytest.approx(200 / 3)
    assert found.ratio(CASSANDRA, ONE.name, WORKSHOP, "requests/s", ours_in=SQLITE) == pytest.approx(105)
    assert found.ratio("training", "the whole training of `workshop`, 3 epochs", "unmasked", "s") == 30
    assert found.ratio(SQLITE, ONE.name, MLSERVER, "requests/s") is None


def test_a_row_that_failed_in_any_round_is_no_figure(parts):
    found = Figures(parts.values())
    assert found.median(SQLITE, MANY.name, OURS, "requests/s") is None
    assert found.errors(SQLITE, MANY.name, OURS) == 4


def test_a_percentile_that_a_round_lacks_is_no_figure():
    rounds = [Figure(SQLITE, ONE.name, OURS, "errors", 0)] * 2
    found = Figures([gather(MACHINE, [*rounds, Figure(SQLITE, ONE.name, OURS, "p99.9 ms", 9.0)])])
    assert found.median(SQLITE, ONE.name, OURS, "p99.9 ms") is None


def test_aims_are_judged_by_the_figures(parts):
    reached = {aim.text: (aim.value, aim.reached) for aim in aims(Figures(parts.values()))}
    assert reached[f"on Cassandra, not cached, 1 client, against {WORKSHOP}"] == (pytest.approx(66.7, abs=0.1), True)
    assert reached[f"on SQLite, not cached, 1 client, against {WORKSHOP} on Cassandra"][1] is True
    assert reached["memory of all processes"] == (351, False)
    assert reached["training, against the same network unmasked and padded"] == (30, True)
    assert reached["a list of 1,000 texts, not cached"] == (None, None)


def test_the_page_has_all_that_was_measured(parts):
    written = page(parts, Path("pictures/benchmarks.svg"))
    assert "| ours on SQLite | 315 ±5 % | 4 failed | |" in written
    assert "| the workshop's API on Cassandra | 3 (66.7x) | | |" in written
    assert "| a constant, BentoML | 600 ±0 % (0.53x) | | |" in written
    assert "4 requests failed." in written
    assert "| memory of all processes | at most 350 MB | 351 MB | **not reached** |" in written
    assert "| the whole training of `workshop`, 3 epochs, s | 10 | 300 (30x) |" in written
    assert "- MLServer (HTTP, SQLite): It cannot be installed.\n" in written
    assert "On cores 2; Python 3.11:\n\n- training: date today\n- http: date today\n" in written


def test_the_picture_names_the_subjects(parts, tmp_path):
    plot.draw(parts, tmp_path / "picture.svg")
    assert BENTOML in (tmp_path / "picture.svg").read_text()
    plot.draw({"training": parts["training"]}, tmp_path / "none.svg")
    assert not (tmp_path / "none.svg").exists()


def test_a_row_with_errors_is_not_told_as_a_success():
    failed = Answered(900, 3, 450.0, 2.0, 4.0, None, 20.0, "HTTP/1.1 503")
    assert list(figures(ours(SQLITE), ONE, failed)) == [Figure(SQLITE, ONE.name, OURS, "errors", 3)]


def test_each_subject_has_the_rows_that_it_can_do():
    assert len(rows_of(ours(SQLITE))) > len(rows_of(pyfunc(SQLITE))) > len(rows_of(floors(SQLITE)[0])) == 4
    assert not any(row.cached for row in rows_of(pyfunc(SQLITE)))
