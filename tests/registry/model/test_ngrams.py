"""The numbers of the n-grams are those of the n-grams written out, as the module's head says."""

from zlib import crc32

from hypothesis import example, given
from hypothesis import strategies as st

from registry.model.ngrams import character_numbers, word_numbers

BUCKETS = 1_000


def numbers(kind: str, grams: set[str]) -> list[int]:
    hashes = (crc32(f"{kind}{gram}".encode(errors="surrogatepass")) for gram in grams)
    return sorted({value % (BUCKETS - 1) + 1 for value in hashes})


def word_grams(tokens: list[str], text: str) -> set[str]:
    runs = {" ".join(tokens[i : i + size]) for size in (1, 2, 3) for i in range(len(tokens) - size + 1)}
    capitals = 10 * sum(map(str.isupper, text)) // max(len(text), 1)
    return runs | {f"<length {min(len(text) // 20, 9)}>", f"<capitals {capitals}>"}


def character_grams(text: str) -> set[str]:
    words = [f" {word} " for word in text.lower().split()]
    return {word[i : i + size] for word in words for size in (2, 3, 4) for i in range(len(word) - size + 1)}


def test_the_n_grams_written_out():
    runs = {"win", "a", "prize", "win a", "a prize", "win a prize", "<length 0>", "<capitals 2>"}
    assert word_numbers(["win", "a", "prize"], "WIN a prize", BUCKETS) == numbers("w", runs)
    characters = {" g", "go", "o ", " go", "go ", " go ", " a", "a ", " a "}
    assert character_numbers("Go a", BUCKETS) == numbers("c", characters)
    assert word_numbers([], "", BUCKETS) == numbers("w", {"<length 0>", "<capitals 0>"})
    assert word_numbers([], "AB" * 250, BUCKETS) == numbers("w", {"<length 9>", "<capitals 10>"})
    assert character_numbers("", BUCKETS) == []


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=6), max_size=8))
@example(["don't", "stop!", "stop", "stop", "a1", "é", "\ud800"])
@example(["x" * 300])
def test_any_text_has_the_numbers_of_its_n_grams(tokens):
    text = " ".join(tokens)
    assert word_numbers(tokens, text, BUCKETS) == numbers("w", word_grams(tokens, text))
    assert character_numbers(text, BUCKETS) == numbers("c", character_grams(text))
