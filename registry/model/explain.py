"""Which words pushed a message towards its label, by leaving them out.

Occlusion (Zeiler and Fergus, 2014) asks the exported model itself, so it explains every variant, whatever is inside.
"""

import numpy as np

from registry.model.artifact import Artifact

SPANS = 64  # at most: the words of a longer text are left out several at a time, to bound the work


def explain(artifact: Artifact, text: str) -> list[tuple[str, float]]:
    """Each word between blanks with its contribution, in the order of the text; of a long text, runs of words.

    A contribution is by how much the log-odds of the text's label fall when the word is left out: above zero it speaks
    for the label, below zero against it. An empty text has none.
    """
    words = text.split()
    step = -(-len(words) // SPANS)
    starts = range(0, len(words), step or 1)
    without = [" ".join(words[:start] + words[start + step :]) for start in starts]
    found = artifact.probabilities([text, *without]).astype(float)
    label = int(found[0].argmax())
    odds = log_odds(found, label)
    return [
        (" ".join(words[start : start + step]), float(odds[0] - left))
        for start, left in zip(starts, odds[1:], strict=True)
    ]


def log_odds(probabilities: np.ndarray, label: int) -> np.ndarray:
    """Of one label against all the others, float (n,)."""
    others = np.delete(probabilities, label, axis=1).sum(axis=1)
    tiny = np.finfo(np.float32).tiny
    return np.log(np.maximum(probabilities[:, label], tiny)) - np.log(np.maximum(others, tiny))


def strongest(artifact: Artifact, text: str, most: int = 5) -> str:
    """The `most` words that weigh most, as `word +1.2`, for a table."""
    ranked = sorted(explain(artifact, text), key=lambda pair: -abs(pair[1]))[:most]
    return ", ".join(f"{word} {weight:+.1f}" for word, weight in ranked)
