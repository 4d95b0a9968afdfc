"""What is caught and blocked of each corpus, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from pipelines.measure import sources

ROWS = [
    ("sms", "ham", "", "ham"),
    ("sms", "ham", "", "ham"),
    ("sms", "spam", "", "spam"),
    ("own", "ham", "otp", "spam"),
    ("own", "ham", "otp", "ham"),
    ("own", "ham", "bill", "ham"),
]
TABLE = pd.DataFrame(ROWS, columns=["source", "label", "kind", "predicted"])


@pytest.fixture
def measured():
    return sources.by_source(TABLE, TABLE["predicted"].to_numpy(), "spam", ["sms"])


def test_each_source_has_its_counts_and_whether_it_was_trained_on(measured):
    assert (measured["sms"].messages, measured["sms"].trained, measured["own"].trained) == (3, True, False)
    assert (measured["sms"].caught.count, measured["sms"].caught.of) == (1, 1)
    assert (measured["own"].blocked.count, measured["own"].blocked.of, measured["own"].caught) == (1, 3, None)
    assert {kind: figures.messages for kind, figures in measured["own"].kinds.items()} == {"otp": 2, "bill": 1}
    assert measured["own"].without_twins is None and measured["sms"].kinds == {}


def test_none_of_a_few_is_not_none_of_all(measured):
    assert measured["sms"].blocked.low == 0 and measured["sms"].blocked.high == pytest.approx(0.8419, abs=1e-4)


def test_each_slice_has_its_counts():
    texts = ["lunch?", "see you", "call 0906", "win 1 x 1"]
    slices = sources.by_slice(texts, np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0]), positive=1)
    counted = {
        name: (f.messages, f.caught and f.caught.count, f.blocked and f.blocked.count) for name, f in slices.items()
    }
    assert counted == {"short": (4, 1, 1), "digits": (2, 1, None), "no_digits": (2, None, 1)}


def test_what_is_outside_is_also_measured_without_near_twins():
    table = TABLE.assign(source="else", twin=["True", "False", "False", "True", "False", "False"])
    figures = sources.by_source(table, table["predicted"].to_numpy(), "spam", ["sms"])["else"]
    assert (figures.messages, figures.without_twins.messages, figures.trained) == (6, 4, False)
    assert (figures.blocked.count, figures.without_twins.blocked.count) == (1, 0)
    assert sources.flat({"else": figures}) == {
        "source.else.caught": 1.0,
        "source.else.blocked": pytest.approx(1 / 5),
        "source.else.without_twins.caught": 1.0,
        "source.else.without_twins.blocked": 0.0,
    }


def test_a_table_without_rows_has_no_sources():
    empty = TABLE.head(0).assign(twin="")
    assert sources.by_source(empty, np.array([]), "spam", []) == {}
