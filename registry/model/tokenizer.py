"""From a message to a model's inputs, the same way in training and in serving.

A text is normalised and split into tokens by a scheme. Both are part of a version: an artifact names its normaliser and
its scheme, and each stays in this code as long as a version that names it may be served. A change is a new one beside
the old ones. A model takes one or both of these inputs:

- `ids`, the tokens in order, numbered by a vocabulary that was learnt from the training messages;
- `words` and `characters`, the sets of its word and character n-grams, numbered by hashing (`registry.model.ngrams`).
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np

from registry.model import ngrams
from registry.model.normalise import normalise
from registry.model.shapes import shapes
from registry.model.spans import spans

Encoded = dict[str, Sequence[int]]  # the numbers of one text, by the name of the input; the n-grams' are int32 arrays
AT_ONCE = 64  # texts of which the n-grams are numbered at once

PADDING, UNKNOWN, FIRST = 0, 1, 2  # reserved ids; the vocabulary starts at FIRST

_KERAS_FILTER = str.maketrans({c: " " for c in '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'})


def words(text: str) -> list[str]:
    """Lower-case words between blanks and ASCII punctuation, as the Keras Tokenizer splits a text."""
    return text.lower().translate(_KERAS_FILTER).split()


Scheme = Callable[[str, Collection[str]], list[str]]  # from a text and the public suffixes to its tokens

SCHEMES: dict[str, Scheme] = {
    "words": lambda text, suffixes: words(text),
    "shapes": lambda text, suffixes: shapes(text),
    "spans": spans,
}
NORMALISERS: dict[str, Callable[[str], str]] = {"latin": normalise}


@dataclass(frozen=True)
class Tokenizer:
    """A scheme with its vocabulary, in which token i has the id i + 2.

    An empty vocabulary gives no `ids`. N-grams are hashed to numbers below `buckets`; 0 gives no n-grams. `suffixes`
    are the public suffixes of more than one label, for a scheme that reads links.
    """

    scheme: str
    vocabulary: tuple[str, ...]
    max_tokens: int
    buckets: int = 0
    normaliser: str = "latin"
    suffixes: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        scheme: str,
        max_tokens: int,
        max_words: int | None = None,
        min_count: int = 1,
        buckets: int = 0,
        suffixes: Iterable[str] = (),
    ) -> "Tokenizer":
        """Learn a vocabulary of the `max_words` most frequent tokens that occur `min_count` times or more.

        Tokens of one count are in the order of their code points, so that the ids are the same on every machine.
        """
        tokenizer = cls(scheme, (), max_tokens, buckets, suffixes=tuple(sorted(suffixes)))
        counts = Counter(token for text in texts for token in tokenizer.tokens(text))
        ranked = sorted((t for t, n in counts.items() if n >= min_count), key=lambda t: (-counts[t], t))
        return replace(tokenizer, vocabulary=tuple(ranked[:max_words]))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Tokenizer":
        """The inverse of `to_json`. Raises ValueError, KeyError or TypeError for any other text.

        Versions of before there was a choice name no normaliser; theirs is `latin`.
        """
        fields = json.loads(text)
        if fields["scheme"] not in SCHEMES or fields.get("normaliser", "latin") not in NORMALISERS:
            raise ValueError(f"this program has no scheme {fields['scheme']!r} or no such normaliser")
        fields |= {name: tuple(fields[name]) for name in ("vocabulary", "suffixes") if name in fields}
        return cls(**fields)

    def to_json(self) -> str:
        """Without the fields that older versions lack, where they have their default: so digests stay the same."""
        defaults = {"normaliser": "latin", "suffixes": ()}
        fields = {name: value for name, value in asdict(self).items() if defaults.get(name) != value}
        return json.dumps(fields, ensure_ascii=False)

    def tokens(self, text: str) -> list[str]:
        """All tokens of the text."""
        return self._split(NORMALISERS[self.normaliser](text))

    def _split(self, normalised: str) -> list[str]:
        return SCHEMES[self.scheme](normalised, self._suffixes)

    @cached_property
    def _suffixes(self) -> frozenset[str]:
        return frozenset(self.suffixes)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.vocabulary, FIRST)}

    @property
    def size(self) -> int:
        """The count of ids, the reserved ones included: the rows of an embedding."""
        return len(self.vocabulary) + FIRST

    def encode(self, text: str) -> Encoded:
        """The text as the inputs of a model, as `encode_all` gives it."""
        return self.encode_all([text])[0]

    def encode_all(self, texts: Sequence[str]) -> list[Encoded]:
        """Each text as the inputs of a model.

        Without tokens, `ids` is [UNKNOWN]; without n-grams, `characters` is [PADDING], and `words` may be empty.
        """
        starts = range(0, len(texts), AT_ONCE)
        return [encoded for start in starts for encoded in self._encode(texts[start : start + AT_ONCE])]

    def _encode(self, texts: Sequence[str]) -> list[Encoded]:
        normalised = list(map(NORMALISERS[self.normaliser], texts))
        tokens = [self._split(text)[: self.max_tokens] for text in normalised]
        columns = {}
        if self.vocabulary:
            columns["ids"] = [[self._ids.get(token, UNKNOWN) for token in row] or [UNKNOWN] for row in tokens]
        if self.buckets:
            columns["words"], characters = ngrams.numbers(tokens, normalised, self.buckets)
            columns["characters"] = [row if len(row) else np.array([PADDING], np.int32) for row in characters]
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def unknown_share(self, text: str) -> float | None:
        """The share of the text's tokens that are not in the vocabulary; None where the vocabulary is empty."""
        if not self.vocabulary:
            return None
        tokens = self.tokens(text)[: self.max_tokens]
        return sum(token not in self._ids for token in tokens) / max(len(tokens), 1)


def stack(rows: Sequence[Encoded]) -> dict[str, np.ndarray]:
    """Encoded texts as the inputs of a model: int32 arrays (texts, longest row), padded on the right."""
    return {name: pad([row[name] for row in rows]) for name in rows[0]}


def pad(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Rows of ids as one int32 array of shape (rows, longest row), padded on the right."""
    out = np.full((len(rows), max(map(len, rows), default=0)), PADDING, dtype=np.int32)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
