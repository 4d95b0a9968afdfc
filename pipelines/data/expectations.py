"""The expectations on the corpora, as data: (table, expectation, arguments), named as Great Expectations names them.

`pipelines.validate` makes the tables, the first two for each corpus:

| table | one row for each |
| --- | --- |
| CORPUS raw | line of the corpus |
| CORPUS labels | label, with its share of the raw rows |
| prepared | message of any split, with its source and the number of splits that its group of near-twins lies in |
"""

from collections.abc import Sequence
from typing import Any

from pipelines.params import FEEDBACK, Validate

Expectation = tuple[str, str, dict[str, Any]]

LONGEST_TEXT = 10_000  # characters: as long as the service accepts


def suite(
    settings: Validate, positive: str, main: str, others: Sequence[str], trained: Sequence[str], known: Sequence[str]
) -> list[Expectation]:
    """Every expectation on the corpora `main` and `others`, of which those in `trained` are in the prepared table.

    The main corpus must have the label to catch, `positive`, and be large and balanced enough to be trained on alone.
    The others may have none but its labels, `known`, which are all that a model can answer.
    """
    alone = [*_raw(settings, main, settings.min_rows), *_labels(settings, main, positive)]
    beside = [row for name in others for row in (*_raw(settings, name, 1), _known(name, known))]
    return [*alone, *beside, *_prepared(trained)]


def _raw(settings: Validate, corpus: str, min_rows: int) -> list[Expectation]:
    table, readable = f"{corpus} raw", 1 - settings.max_broken_share
    columns = ["line", "label", "text", "part", "kind"]
    return [
        (table, "ExpectTableColumnsToMatchOrderedList", {"column_list": columns}),
        (table, "ExpectTableRowCountToBeBetween", {"min_value": min_rows}),
        (table, "ExpectColumnValueLengthsToBeBetween", {"column": "label", "min_value": 1, "mostly": readable}),
        (table, "ExpectColumnValueLengthsToBeBetween", _lengths(mostly=readable)),
        (table, "ExpectColumnProportionOfUniqueValuesToBeBetween", _unique(settings.min_unique_share)),
    ]


def _labels(settings: Validate, corpus: str, positive: str) -> list[Expectation]:
    table = f"{corpus} labels"
    return [
        (table, "ExpectTableRowCountToBeBetween", {"min_value": 2}),
        (table, "ExpectColumnDistinctValuesToContainSet", {"column": "label", "value_set": [positive]}),
        (table, "ExpectColumnValuesToBeBetween", {"column": "share", "min_value": settings.min_label_share}),
    ]


def _known(corpus: str, labels: Sequence[str]) -> Expectation:
    return f"{corpus} labels", "ExpectColumnValuesToBeInSet", {"column": "label", "value_set": sorted(labels)}


def _prepared(trained: Sequence[str]) -> list[Expectation]:
    columns = ["id", "line", "group", "label", "text", "source", "part", "kind"]
    columns += ["split", "splits_of_group", "labels_of_split"]
    return [
        ("prepared", "ExpectTableColumnsToMatchOrderedList", {"column_list": columns}),
        ("prepared", "ExpectColumnValuesToNotBeNull", {"column": "label"}),
        ("prepared", "ExpectColumnValueLengthsToBeBetween", _lengths()),
        ("prepared", "ExpectColumnValuesToBeUnique", {"column": "id"}),
        ("prepared", "ExpectColumnValuesToBeBetween", {"column": "splits_of_group", "min_value": 1, "max_value": 1}),
        ("prepared", "ExpectColumnValuesToBeBetween", {"column": "labels_of_split", "min_value": 2}),
        ("prepared", "ExpectColumnDistinctValuesToEqualSet", _splits()),
        ("prepared", "ExpectColumnPairValuesToBeInSet", _sources(trained)),
    ]


def _lengths(**more: float) -> dict[str, Any]:
    return {"column": "text", "min_value": 1, "max_value": LONGEST_TEXT, **more}


def _unique(share: float) -> dict[str, Any]:
    return {"column": "text", "min_value": share}


def _splits() -> dict[str, Any]:
    return {"column": "split", "value_set": ["train", "validation", "test"]}


def _sources(trained: Sequence[str]) -> dict[str, Any]:
    """Corrections of callers (source `feedback`) are in train alone."""
    pairs = [(split, name) for split in ("train", "validation", "test") for name in trained]
    return {"column_A": "split", "column_B": "source", "value_pairs_set": [*pairs, ("train", FEEDBACK)]}
