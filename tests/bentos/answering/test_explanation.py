import pytest

from bentos.answering.explanation import Explanation
from bentos.errors import CallError
from bentos.versions.mock import mock_versions
from tests.bentos.conftest import load_toy

pytestmark = pytest.mark.anyio


async def test_the_words_are_weighed_in_the_texts_order(tmp_path, pool):
    loaded = load_toy(tmp_path, 1, -1.0)
    loaded = type(loaded)(loaded.version, loaded.model.model)
    explanation = Explanation(loaded, "free lunch now")
    words = await explanation.weights(pool)
    assert explanation.cost == 4
    assert [word for word, _ in words] == ["free", "lunch", "now"]
    weights = dict(words)
    assert weights["free"] * weights["lunch"] < 0 and abs(weights["now"]) < 0.01


async def test_a_stand_in_has_no_reasons():
    with pytest.raises(CallError, match="stand-in") as caught:
        Explanation(mock_versions().default, "free")
    assert caught.value.reason == "no_explanation"
