"""What the benchmark of the predictions asks, and when it refuses to compare."""

import numpy as np
import pytest

from tests.benchmarks.inference import GRAPH, TOKENIZER, Way, _check
from tests.benchmarks.results import OURS

ANSWERS = np.array([[0.25, 0.75], [0.5, 0.5]])


def ways(answers: dict[str, np.ndarray]):
    return {Way("lstm", name): lambda *_, answer=answer: answer for name, answer in answers.items()}


def test_subjects_that_answer_alike_are_compared_and_the_tokenizer_answers_nothing():
    _check(ways({OURS: ANSWERS, GRAPH: ANSWERS + 1e-6, TOKENIZER: None}))


def test_a_subject_that_answers_otherwise_is_named():
    with pytest.raises(SystemExit, match=r"tf\.function answers otherwise than the registered lstm, by 1\.0e-02"):
        _check(ways({OURS: ANSWERS, "tf.function": ANSWERS + 0.01}))


def test_threads_are_told_where_they_are_set():
    assert (str(Way("lstm", "tf.function")), str(Way("lstm", "tf.function", 1))) == (
        "tf.function",
        "tf.function, 1 thread",
    )
