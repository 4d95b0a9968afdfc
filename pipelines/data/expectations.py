"""The expectations on the corpus, as data: (table, expectation, arguments), named as Great Expectations names them.

There are three tables (`pipelines.validate` makes them):

| table | one row for each |
| --- | --- |
| raw | line of the corpus |
| labels | label, with its share of the raw rows |
| prepared | message of any split, with its source and the number of splits that its group of near-twins lies in |
"""

from typing import Any

from pipelines.params import Validate

Expectation = tuple[str, str, dict[str, Any]]

LONGEST_TEXT = 10_000  # characters: as long as the service accepts


def suite(settings: Validate, positive: str) -> list[Expectation]:
    """Every expectation; `positive` is the label to catch, which the corpus must have."""
    return [*_raw(settings), *_labels(settings, positive), *_prepared(settings)]


def _raw(settings: Validate) -> list[Expectation]:
    readable = 1 - settings.max_broken_share
    return [
        ("raw", "ExpectTableColumnsToMatchOrderedList", {"column_list": ["line", "label", "text"]}),
        ("raw", "ExpectTableRowCountToBeBetween", {"min_value": settings.min_rows}),
        ("raw", "ExpectColumnValueLengthsToBeBetween", {"column": "label", "min_value": 1, "mostly": readable}),
        ("raw", "ExpectColumnValueLengthsToBeBetween", _lengths(mostly=readable)),
        ("raw", "ExpectColumnProportionOfUniqueValuesToBeBetween", _unique(settings.min_unique_share)),
    ]


def _labels(settings: Validate, positive: str) -> list[Expectation]:
    return [
        ("labels", "ExpectTableRowCountToBeBetween", {"min_value": 2}),
        ("labels", "ExpectColumnDistinctValuesToContainSet", {"column": "label", "value_set": [positive]}),
        ("labels", "ExpectColumnValuesToBeBetween", {"column": "share", "min_value": settings.min_label_share}),
    ]


def _prepared(settings: Validate) -> list[Expectation]:
    columns = ["id", "line", "group", "label", "text", "source", "split", "splits_of_group", "labels_of_split"]
    return [
        ("prepared", "ExpectTableColumnsToMatchOrderedList", {"column_list": columns}),
        ("prepared", "ExpectColumnValuesToNotBeNull", {"column": "label"}),
        ("prepared", "ExpectColumnValueLengthsToBeBetween", _lengths()),
        ("prepared", "ExpectColumnValuesToBeUnique", {"column": "id"}),
        ("prepared", "ExpectColumnValuesToBeBetween", {"column": "splits_of_group", "min_value": 1, "max_value": 1}),
        ("prepared", "ExpectColumnValuesToBeBetween", {"column": "labels_of_split", "min_value": 2}),
        ("prepared", "ExpectColumnDistinctValuesToEqualSet", _splits()),
        ("prepared", "ExpectColumnPairValuesToBeInSet", _sources()),
    ]


def _lengths(**more: float) -> dict[str, Any]:
    return {"column": "text", "min_value": 1, "max_value": LONGEST_TEXT, **more}


def _unique(share: float) -> dict[str, Any]:
    return {"column": "text", "min_value": share}


def _splits() -> dict[str, Any]:
    return {"column": "split", "value_set": ["train", "validation", "test"]}


def _sources() -> dict[str, Any]:
    """Corrections of callers (source `feedback`) are in train alone."""
    pairs = [("train", "corpus"), ("train", "feedback"), ("validation", "corpus"), ("test", "corpus")]
    return {"column_A": "split", "column_B": "source", "value_pairs_set": pairs}
