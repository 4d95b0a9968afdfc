"""How the answered calls are counted against the log."""

from uuid import uuid1

from tests.benchmarks.durability import Counted, count


def test_what_is_answered_and_logged_once_is_neither_missing_nor_doubled():
    rows = [(uuid1(), f"text {i}") for i in range(5)]
    assert count([row for row, _ in rows[:3]], rows) == Counted(3, 0, 0), "what nobody was told of may be logged, too"


def test_an_answer_without_a_row_is_missing_and_a_text_with_two_rows_doubled():
    first, second, third, again = (uuid1() for _ in range(4))
    assert count([first, second, third], [(first, "a"), (again, "a"), (second, "b")]) == Counted(3, 1, 1)
    assert count([first], []) == Counted(1, 1, 0) and count([], []) == Counted(0, 0, 0)
