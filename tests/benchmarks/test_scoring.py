"""What the benchmark of the scoring counts."""

from tests.benchmarks.scoring import Run, messages, steady


def test_the_rate_is_from_the_first_finished_piece_to_the_last():
    finished = [(30.0, 50), (10.0, 100), (20.0, 100)]
    totals = [(5.0, 1.0), (9.5, 4.0), (20.0, 9.0), (29.9, 19.0), (31.0, 22.0)]
    assert steady(finished, totals) == Run(150, 20.0, 15.0)


def test_one_rate_against_another():
    assert Run(300, 10.0, 20.0).faster(Run(100, 10.0, 5.0)) == (3.0, 0.75)


def test_no_message_is_there_twice():
    assert list(messages(["a", "b"], 3)) == ["a 0", "b 1", "a 2"]
