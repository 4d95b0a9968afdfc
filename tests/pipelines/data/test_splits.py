import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.data import splits


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
    names = splits.assign_splits(many, test=0.2, validation=0.1, seed=seed)
    assert (many.groupby("group")["label"].size() > 1).all()
    assert names.groupby(many["group"]).nunique().max() == 1
    shares = names.value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.03) and shares["validation"] == pytest.approx(0.1, abs=0.03)
    spam = many["label"].eq("spam").groupby(names).mean()
    assert (spam - 1 / 8).abs().max() < 0.03


def test_every_split_reads_texts_as_they_were_written_and_numbers_the_labels_alike(tmp_path):
    texts = ["NA", "null", 'say "hi", mum', "two\nlines", " 007"]
    rows = pd.DataFrame({"text": texts, "label": ["spam", "ham", "spam", "ham", "spam"], "line": range(1, 6)})
    names = ["train", "train", "train", "validation", "test"]
    rows = rows.assign(id=[f"id{i}" for i in range(5)], group=range(5), source=list("aabab"), part="", kind="")
    rows = rows.assign(split=names)
    splits.write(rows, tmp_path)
    train, validation, test = (splits.read(tmp_path, name) for name in splits.SPLITS)
    assert train.texts + validation.texts + test.texts == texts
    assert train.labels == validation.labels == test.labels == ("ham", "spam")
    assert (train.actual.tolist(), validation.actual.tolist(), test.actual.tolist()) == ([1, 0, 1], [0], [1])
    assert splits.read(tmp_path, "train", ["b"]).ids == ["id2"] and splits.read(tmp_path, "test", ["a"]).ids == []
    assert splits.read(tmp_path, "train", ["b"]).labels == ("ham", "spam")
    assert splits.join([validation, test]).ids == ["id3", "id4"] and test.groups.tolist() == [4]
