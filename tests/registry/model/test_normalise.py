import unicodedata

import pytest

from registry.model.normalise import normalise


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("I am &lt;#&gt; late &amp; tired", "I am <#> late & tired"),
        ("  two\u00a0 blanks\n", "two blanks"),
        ("\uff26\uff32\uff25\uff25", "FREE"),  # full-width
        ("cl\u200baim yo\u200dur p\u00adrize\ufeff", "claim your prize"),
        ("fr\u0435e pr\u0456ze", "free prize"),  # Cyrillic e and i
        ("C\u03b1sh", "Cash"),  # Greek alpha
        ("F R E E entry, c-a-s-h", "FREE entry, cash"),
        ("fr33 pr1ze, c@sh!", "free prize, cash!"),
    ],
)
def test_a_disguise_is_taken_off(text, plain):
    assert normalise(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "gr8, c u l8r m8 b4 2nite",
        "\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430?",  # Russian
        "café naïve £1.50",
        "info@b4u.com or www.x1y.com",
        "see u @ 5, W I N",
        "POBox 36504 W45WQ",
        "今晚一起吃饭吗",
        "",
    ],
)
def test_plain_text_stays_as_it_is(text):
    assert normalise(text) == unicodedata.normalize("NFKC", text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["a ", "a1", "a", "a-", "\u0430", "@", "a3"])
def test_a_long_text_takes_no_more_than_its_share(unit):
    assert normalise(unit * 200_000)  # a pattern that looks back would take hours
