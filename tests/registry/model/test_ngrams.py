"""The numbers of the n-grams are those of the n-grams written out, as the module's head says."""

from zlib import crc32

from hypothesis import example, given
from hypothesis import strategies as st

from registry.model import ngrams

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


def of(tokens: list[str], text: str) -> tuple[list[int], list[int]]:
    """The numbers of one text's words and characters."""
    (words,), (characters,) = ngrams.numbers([tokens], [text], BUCKETS)
    return words.tolist(), characters.tolist()


def test_the_n_grams_written_out():
    runs = {"win", "a", "prize", "win a", "a prize", "win a prize", "<length 0>", "<capitals 2>"}
    assert of(["win", "a", "prize"], "WIN a prize")[0] == numbers("w", runs)
    assert of([], "Go a")[1] == numbers("c", {" g", "go", "o ", " go", "go ", " go ", " a", "a ", " a "})
    assert of([], "") == (numbers("w", {"<length 0>", "<capitals 0>"}), [])
    assert of([], "AB" * 250)[0] == numbers("w", {"<length 9>", "<capitals 10>"})


words = st.lists(st.text(st.characters(exclude_categories=()), max_size=6), max_size=8)


@given(st.lists(words, min_size=1, max_size=4))
@example([["don't", "stop!", "stop", "stop", "a1", "é", "\ud800"], [], ["", ""], ["\ud83d", "\ude00", "€", "𐀀b"]])
@example([["x" * 300]])
def test_any_texts_have_the_numbers_of_their_n_grams(tokens):
    texts = [" ".join(row) for row in tokens]
    words, characters = ngrams.numbers(tokens, texts, BUCKETS)
    assert [row.tolist() for row in words] == [
        numbers("w", word_grams(*pair)) for pair in zip(tokens, texts, strict=True)
    ]
    assert [row.tolist() for row in characters] == [numbers("c", character_grams(text)) for text in texts]
    assert {row.dtype.name for row in (*words, *characters)} == {"int32"}
