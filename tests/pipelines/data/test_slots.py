"""Names, brands and numbers that vary in training."""

import re

import pytest

from pipelines.data.slots import SlotFiller, read_slots

SLOTS = {"bank": ["HDFC", "Axis"], "name": ["Tom", "Kate"]}


def vary(*texts, share=1.0, seed=1):
    return SlotFiller(SLOTS, share, seed).vary(texts)


def test_a_name_becomes_another_of_its_kind_in_all_its_places():
    texts = {vary("HDFC Bank: hi Tom, see hdfcbank.com or https://hdfc.in/x", seed=seed)[0] for seed in range(20)}
    for text in texts:
        bank = re.match(r"(\w+) Bank", text)[1]
        assert bank in ("HDFC", "AXIS")  # in capitals, as it was
        assert f"{bank.lower()}bank.com" in text and f"https://{bank.lower()}.in/x" in text
    assert len(texts) == 4


def test_a_word_that_holds_a_name_stays():
    assert vary("tomato, katering")[0] == "tomato, katering"


def test_the_digits_behind_the_first_are_drawn_anew():
    (text,) = vary("code 493021, Rs.2,350, call 07700900123 at 7pm, 50%")
    assert re.fullmatch(r"code 4\d{5}, Rs\.2,3\d\d, call 0\d{10} at 7pm, 50%", text)
    assert "493021" not in text and "07700900123" not in text


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_same_seed_gives_the_same_texts(share):
    texts = ["HDFC 1234"] * 50
    assert vary(*texts, share=share) == vary(*texts, share=share)
    assert sum("HDFC" in text for text in vary(*texts, share=share)) > (49 if share == 0.0 else 20)


def test_each_value_stands_in_one_slot():
    values = [value for values in read_slots().values() for value in values]
    assert len(values) == len(set(values)) > 200
