import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.prepare import deduplicate, split


def table(*rows):
    return pd.DataFrame([(i, *row) for i, row in enumerate(rows, 1)], columns=["line", "label", "text"])


def test_duplicates_conflicts_and_empty_rows_are_counted_and_left_out():
    rows, counts = deduplicate(
        table(
            ("ham", "See you at 5"),
            ("ham", "see  you at 7 "),  # the same but for case, blanks and digits
            ("ham", "free money"),
            ("spam", "FREE MONEY"),  # the labels disagree: neither can be trusted
            ("ham", "  "),
            ("", "no label"),
            ("spam", "only once"),
        )
    )
    assert rows[["line", "label", "text"]].to_numpy().tolist() == [[1, "ham", "See you at 5"], [7, "spam", "only once"]]
    assert counts == {"empty": 2, "conflicting": 2, "duplicates": 1}


@pytest.fixture(scope="module")
def many():
    return pd.DataFrame(
        {
            "label": ["spam" if i % 8 == 0 else "ham" for i in range(2000)],
            "group": [i // 16 * 16 + i % 2 for i in range(2000)],  # of eight or so
        }
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_no_group_lies_in_two_splits_and_the_shares_are_kept(many, seed):
    names = split(many, test=0.2, validation=0.1, seed=seed)
    assert (many.groupby("group")["label"].size() > 1).all()
    assert names.groupby(many["group"]).nunique().max() == 1
    shares = names.value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.03) and shares["validation"] == pytest.approx(0.1, abs=0.03)
    spam = many["label"].eq("spam").groupby(names).mean()
    assert (spam - 1 / 8).abs().max() < 0.03
