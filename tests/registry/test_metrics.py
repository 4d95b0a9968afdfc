import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef

from registry.metrics import mcc


@pytest.mark.filterwarnings("ignore:A single label")
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=60))
def test_mcc_is_the_reference_implementation_s(pairs):
    actual, predicted = map(np.array, zip(*pairs, strict=True))
    assert mcc(actual, predicted) == pytest.approx(matthews_corrcoef(actual, predicted))
