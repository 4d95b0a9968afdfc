from registry.model.tokenizer import PADDING, UNKNOWN, Tokenizer, pad, stack, words


def test_words_are_cut_as_the_keras_tokenizer_cuts_them():
    assert words("WINNER!! You've won £1,000\tcash-prize") == ["winner", "you've", "won", "£1", "000", "cash", "prize"]


def test_the_vocabulary_is_ranked_by_count_and_then_by_token():
    tokenizer = Tokenizer.fit(["b a", "a b", "c"], "words", max_tokens=5)
    assert tokenizer.vocabulary == ("a", "b", "c")
    assert Tokenizer.fit(["b a", "a b", "c"], "words", max_tokens=5, max_words=1).vocabulary == ("a",)
    assert Tokenizer.fit(["b a", "a b", "c"], "words", max_tokens=5, min_count=2).vocabulary == ("a", "b")


def test_ids_are_never_empty_and_never_longer_than_asked():
    tokenizer = Tokenizer("words", ("a", "b"), max_tokens=3)
    assert tokenizer.encode("") == tokenizer.encode("...") == {"ids": [UNKNOWN]}
    assert tokenizer.encode("b a zebra") == {"ids": [3, 2, UNKNOWN]}
    assert tokenizer.encode("a b, a b, a") == {"ids": [2, 3, 2]}


def test_n_grams_are_numbered_below_the_buckets_and_never_as_padding():
    tokenizer = Tokenizer("shapes", (), max_tokens=300, buckets=50)
    for text in ("", "win a free prize " * 20, "lone surrogate \ud800"):
        encoded = tokenizer.encode(text)
        assert encoded.keys() == {"words", "characters"}
        assert all(0 < i < 50 for i in encoded["words"])
        assert list(encoded["characters"]) == [PADDING] or all(0 < i < 50 for i in encoded["characters"])
        assert all(len(set(row)) == len(row) > 0 for row in encoded.values())


def test_the_same_text_has_the_same_numbers_in_every_process():
    expected = {"words": [50, 360, 814], "characters": [1, 30, 89, 90, 390, 538, 581, 738, 997]}
    encoded = Tokenizer("shapes", (), 300, buckets=1000).encode("win")
    assert {name: row.tolist() for name, row in encoded.items()} == expected


def test_texts_are_encoded_alike_together_and_alone():
    tokenizer = Tokenizer("spans", ("free", "a"), max_tokens=300, buckets=1000)
    texts = ["", "Free £5 prize!", "a", "é \ud800 x", *(f"call {i} now" for i in range(150))]
    together = [{name: list(row) for name, row in encoded.items()} for encoded in tokenizer.encode_all(texts)]
    assert together == [{name: list(row) for name, row in tokenizer.encode(text).items()} for text in texts]


def test_json_gives_the_same_tokenizer_back():
    tokenizer = Tokenizer("shapes", ("a", "é", "<d3>"), max_tokens=7, buckets=64)
    assert Tokenizer.from_json(tokenizer.to_json()) == tokenizer


def test_rows_are_padded_on_the_right():
    assert pad([[5, 6], [7]]).tolist() == [[5, 6], [7, PADDING]]
    stacked = stack([{"ids": [2], "words": [9, 8]}, {"ids": [3, 4], "words": [7]}])
    assert {name: rows.tolist() for name, rows in stacked.items()} == {
        "ids": [[2, PADDING], [3, 4]],
        "words": [[9, 8], [7, PADDING]],
    }
