from hypothesis import given
from hypothesis import strategies as st

from pipelines.data.messages import clean, fold, twins


def test_clean_composes_and_drops_what_cannot_be_seen():
    assert clean(" cafe\u0301\x00ok\x07\n") == "café ok"


@given(st.text())
def test_folding_again_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


def test_twins_share_a_group_and_strangers_do_not():
    groups = twins(
        [
            "Had your mobile 11 months or more? You are entitled to update to the latest colour mobiles",
            "Had your mobile 10 months or more? You are entitled to update to the newest colour mobiles",
            "Sorry, I'll call later",
            "ok",
        ],
        similarity=0.5,
    )
    assert groups[0] == groups[1] and len(set(groups)) == 3
