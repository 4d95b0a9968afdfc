"""Which words pushed a message towards its label: occlusion (Zeiler and Fergus, 2014).

The model predicts the message without each of its words in turn, so this works for every variant.
"""

from collections.abc import Sequence

import numpy as np

from registry.model.artifact import Artifact

SPANS = 64  # predictions at most: of a longer text several words are left out at a time


def explain(artifact: Artifact, text: str) -> list[tuple[str, float]]:
    """Each word, or run of words of a long text, with its contribution, in the order of the text.

    The contribution is how far the log-odds of the predicted label fall without the word: positive when the word
    speaks for that label, negative when it speaks against it. An empty text has no words.
    """
    words, texts = leave_out(text)
    return weigh(words, artifact.probabilities(texts), artifact)


def leave_out(text: str) -> tuple[list[str], list[str]]:
    """The words, or runs of words of a long text; and the text followed by the text without each of them."""
    words = text.split()
    step = -(-len(words) // SPANS)
    starts = range(0, len(words), step or 1)
    without = [" ".join(words[:start] + words[start + step :]) for start in starts]
    return [" ".join(words[start : start + step]) for start in starts], [text, *without]


def weigh(words: Sequence[str], probabilities: np.ndarray, artifact: Artifact) -> list[tuple[str, float]]:
    """Each word with its contribution, from the probabilities (1 + words, labels) of the texts of `leave_out`."""
    answered = artifact.label(probabilities[0])
    probabilities = np.asarray(probabilities, dtype=float)
    odds = log_odds(probabilities, label=artifact.labels.index(answered))
    return [(word, float(odds[0] - odds_without)) for word, odds_without in zip(words, odds[1:], strict=True)]


def log_odds(probabilities: np.ndarray, label: int) -> np.ndarray:
    """The log-odds of one label against all others, float (n,), from probabilities (n, labels)."""
    others = np.delete(probabilities, label, axis=1).sum(axis=1)
    tiny = np.finfo(np.float32).tiny
    return np.log(np.maximum(probabilities[:, label], tiny)) - np.log(np.maximum(others, tiny))


def strongest(artifact: Artifact, text: str, most: int = 5) -> str:
    """The `most` words with the largest contributions, positive or negative, as `word +1.2`."""
    ranked = sorted(explain(artifact, text), key=lambda pair: -abs(pair[1]))[:most]
    return ", ".join(f"{word} {weight:+.1f}" for word, weight in ranked)
