"""The corpus that was written for this project keeps what its README promises."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.data import corpus
from pipelines.data.twins import twin_groups
from pipelines.measure.behaviour import suite

ROOT = Path(__file__).parents[2]
OUTSIDE = ROOT / "data" / "outside-mendeley.csv"


@pytest.fixture(scope="module")
def written():
    return pd.read_csv(ROOT / "pipelines/written/messages.csv", keep_default_na=False)


def test_it_is_large_in_independent_parts_and_mostly_wanted(written):
    assert len(written) > 8000 and written["part"].nunique() == 19
    assert written["part"].value_counts().min() > 390
    assert 0.6 < (written["label"] == "ham").mean() < 0.67
    assert set(written["label"]) == {"ham", "spam", "smishing"}


def test_no_message_is_a_near_twin_of_another_one_of_an_old_one_or_of_a_test(written):
    """Nor of an old message. Tests are the behaviour suite and, where it is there, the corpus outside."""
    tests = [message.text for message in suite.messages()]
    tests += corpus.read(ROOT / "data/SMSSpamCollection").rows["text"].tolist()
    if OUTSIDE.exists():
        tests += pd.read_csv(OUTSIDE, keep_default_na=False)["text"].tolist()
    groups = pd.Series(twin_groups([*written["text"], *tests], 0.5))
    own = groups[: len(written)]
    assert own.is_unique
    assert not set(own) & set(groups[len(written) :])
