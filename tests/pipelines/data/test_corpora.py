"""Corpora that are added one to the other, with near-twins written out."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.data.corpora import COLUMNS, combine, measured_outside
from pipelines.data.corpus import CorpusError
from pipelines.params import Prepare

SETTINGS = Prepare(seed=1, test=0.2, validation=0.1, twin_similarity=0.5, feedback=Path("none"))
WHO = ["the cat", "my sister", "our boss", "a lorry", "the moon", "his aunt", "one sailor", "this piano"]
WHAT = ["buys bread", "hears umbrellas", "paints a quick fox", "forgets everything", "sells yellow jam"]
TEXTS = [f"{who} {what}" for who in WHO for what in WHAT]


def table(*rows, first=1):
    content = [(i, *row, "", "") for i, row in enumerate(rows, first)]
    return pd.DataFrame(content, columns=["line", "label", "text", "part", "kind"])


@pytest.fixture
def first():
    return table(*(("spam" if i % 4 == 0 else "ham", text) for i, text in enumerate(TEXTS)))


@pytest.fixture
def second():
    """Twenty messages of its own, with parts and kinds."""
    texts = [f"{who} {verb}" for who in ("Zürich", "Malmö", "Łódź", "Győr") for verb in ("0", "??", "no", "yes!", "~")]
    rows = table(*(("spam" if i % 2 else "ham", text) for i, text in enumerate(texts)))
    return rows.assign(part="north", kind="city")


def test_a_corpus_behind_another_changes_nothing_of_it(first, second):
    alone, _ = combine({"one": first}, SETTINGS)
    both, counts = combine({"one": first, "two": second}, SETTINGS)
    assert list(both) == COLUMNS
    pd.testing.assert_frame_equal(both[both["source"] == "one"], alone)
    own = both[both["source"] == "two"]
    assert len(own) == counts["two"]["messages"] == 20 and set(own["part"] + own["kind"]) == {"northcity"}
    assert set(own["split"]) == {"train", "validation", "test"} and not set(own["group"]) & set(alone["group"])


def test_a_message_of_two_corpora_counts_for_the_first(first, second):
    repeated = table(("spam", TEXTS[1].upper()), ("ham", TEXTS[2]), first=100)
    both, counts = combine({"one": first, "two": pd.concat([second, repeated])}, SETTINGS)
    assert counts["two"]["repeated"] == 2 and both["id"].is_unique
    assert both.set_index("text")["label"][TEXTS[1]] == "ham"


def test_a_near_twin_of_an_earlier_message_lies_in_its_group_and_split(first, second):
    twins = table(*(("ham", f"{text} too") for text in TEXTS), first=100)
    both, _ = combine({"one": first, "two": pd.concat([second, twins])}, SETTINGS)
    rows = both.set_index("text")
    assert sum(f"{text} too" in rows.index for text in TEXTS) > 3
    assert both.groupby("group")["split"].nunique().max() == 1
    for text in TEXTS:
        if f"{text} too" in rows.index:
            assert rows["split"][f"{text} too"] == rows["split"][text]
            assert rows["group"][f"{text} too"] == rows["group"][text]


def test_a_message_between_two_groups_is_left_out(first, second):
    settings = SETTINGS.model_copy(update={"twin_similarity": 0.4})
    alone, _ = combine({"one": first}, settings)
    one, other = alone.drop_duplicates("group")["text"].iloc[[0, -1]]
    between = table(("ham", f"{one} {other}"), first=100)
    both, counts = combine({"one": first, "two": pd.concat([second, between])}, settings)
    assert counts["two"]["linking"] == 1 and f"{one} {other}" not in set(both["text"])
    pd.testing.assert_frame_equal(both[both["source"] == "one"], alone)


def test_a_corpus_too_small_to_split_is_an_error():
    with pytest.raises(CorpusError, match="one: too few messages of each label"):
        combine({"one": table(("ham", "one of two"), ("spam", "the other"))}, SETTINGS)


def test_what_is_outside_says_which_messages_are_near_to_those_trained_on(first):
    messages, _ = combine({"one": first}, SETTINGS)
    rows = table(("ham", TEXTS[0]), ("ham", f"{TEXTS[5]} too"), ("spam", "Quite another"), ("spam", "quite ANOTHER"))
    outside, counts = measured_outside({"else": rows}, messages, 0.5)
    assert outside["twin"].tolist() == [True, True, False] and set(outside["source"]) == {"else"}
    assert counts["else"] == {"empty": 0, "conflicting": 0, "duplicates": 1, "messages": 3, "twins": 2}
    empty, counts = measured_outside({}, messages, 0.5)
    assert list(empty) == list(outside) and empty.empty and counts == {}
