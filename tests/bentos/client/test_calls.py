"""Lists are split by the service's limits, in their order."""

import pytest

from bentos.client.calls import MAX_LIST_CHARACTERS, split

HALF = "x" * (MAX_LIST_CHARACTERS // 2)


@pytest.mark.parametrize(
    ("texts", "sizes"),
    [
        ([], []),
        (["a"], [1]),
        (["a"] * 6, [3, 3]),
        (["a"] * 7, [3, 3, 1]),
        ([HALF, HALF, "a"], [2, 1]),
        ([HALF, HALF + "a", "a"], [1, 2]),
        ([2 * HALF + "a", "a", ""], [1, 2]),
    ],
)
def test_a_list_has_no_more_texts_and_characters_than_a_call_may_have(texts, sizes):
    parts = list(split(iter(texts), 3))
    assert [len(part) for part in parts] == sizes and [text for part in parts for text in part] == texts
