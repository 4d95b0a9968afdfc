import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipelines.data.cleaning import clean, deduplicate, fold


def table(*rows):
    return pd.DataFrame([(i, *row) for i, row in enumerate(rows, 1)], columns=["line", "label", "text"])


def test_clean_composes_and_drops_what_cannot_be_seen():
    assert clean(" cafe\u0301\x00ok\x07\n") == "café ok"


@given(st.text())
def test_folding_again_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


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
