from datetime import UTC, datetime
from hashlib import sha256

from registry.quality.labels import CALLERS, RANDOM, SELECTED, Correction, samples_of

SINCE = datetime(2030, 1, 31, tzinfo=UTC)
BEFORE, AFTER = "2030-01-30T12:00:00.000000+00:00", "2030-01-31T12:00:00.000000+00:00"


def samples(*rows: tuple[str, ...]) -> dict[str, tuple[dict[str, str], int]]:
    """({text: label}, disputed) of each sample, from rows of text, label, caller, time and reason."""
    found = samples_of([Correction(*row) for row in rows], SINCE)
    texts = {sha256(row[0].encode()).hexdigest(): row[0] for row in rows}
    return {n: ({texts[digest]: label for digest, label in s.labels.items()}, s.disputed) for n, s in found.items()}


def test_a_label_is_in_the_sample_that_its_reason_says():
    found = samples(
        ("drawn", "ham", "ann", AFTER, "random"),
        ("hard", "spam", "ann", BEFORE, "threshold"),
        ("hard 🎁", "spam", "ann", AFTER, "shadow"),
        ("win", "spam", "10.0.0.1", BEFORE, ""),
        ("win", "spam", "10.0.0.2", AFTER, ""),
    )
    assert found == {
        RANDOM: ({"drawn": "ham"}, 0),
        SELECTED: ({"hard": "spam", "hard 🎁": "spam"}, 0),
        CALLERS: ({"win": "spam"}, 0),
    }


def test_a_random_label_from_before_is_of_another_sample_of_calls():
    assert samples(("drawn", "ham", "ann", BEFORE, "random"))[RANDOM] == ({}, 0)


def test_a_text_may_be_in_several_samples():
    found = samples(("a", "ham", "ann", AFTER, "random"), ("a", "ham", "bob", AFTER, "threshold"))
    assert found[RANDOM] == found[SELECTED] == ({"a": "ham"}, 0)


def test_a_text_with_two_labels_is_counted_and_left_out():
    found = samples(("a", "ham", "ann", AFTER, "random"), ("a", "spam", "bob", AFTER, "random"))
    assert found[RANDOM] == ({}, 1)
    assert samples(("a", "ham", "1", AFTER, ""), ("a", "spam", "2", AFTER, ""))[CALLERS] == ({}, 1)


def test_a_caller_cannot_take_a_text_out_of_the_reviewers_samples():
    found = samples(("a", "spam", "ann", AFTER, "random"), ("a", "ham", "spammer", AFTER, ""))
    assert found[RANDOM] == ({"a": "spam"}, 0) and found[CALLERS] == ({}, 1)
