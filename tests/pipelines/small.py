"""Small variants and a small split that train in a moment, for the tests of training, export and cross-validation."""

import numpy as np

from pipelines.data.splits import Split
from pipelines.params import LSTM, Tokens, Training, Variant, Wide

WORDS = ("win", "free", "lunch", "home", "later", "£", "<d11>")
BUCKETS = 64
HAM = ["are we still on for lunch", "see you at home later", "ok call me when you are home", "running late sorry"]
SPAM = ["win a free prize now", "free cash call 09061701461", "claim your prize now", "win cash text now"]
NEWS = ["rain expected in the north", "markets closed higher today", "the minister resigned today", "rain in the south"]


def variant(deep=True, wide=True, bidirectional=True, pooling="max"):
    layers = LSTM(
        embedding=6,
        embedding_dropout=0.4,
        units=5,
        bidirectional=bidirectional,
        dropout=0.2,
        recurrent_dropout=0.2,
        pooling=pooling,
        output_dropout=0.4,
    )
    training = Training(seed=1, epochs=1, batch=8, learning_rate=0.01, decay="none", word_dropout=0.0)
    words, buckets = (len(WORDS) if deep else 0), (BUCKETS if wide else 0)
    return Variant(
        tokens=Tokens(scheme="shapes", max_words=words, max_tokens=300, min_count=1, buckets=buckets),
        wide=Wide(seed=1, regularisation=1.0, folds=2) if wide else None,
        network=layers if deep else None,
        training=training if deep else None,
    )


def split(*classes, copies=10):
    """Each text of each class `copies` times, with a number behind it. A group has a message of each class."""
    texts = [f"{text} {i}" for texts in classes for i in range(copies) for text in texts]
    actual = np.repeat(np.arange(len(classes)), [copies * len(texts) for texts in classes]).astype(np.int32)
    groups = np.array([group for _ in classes for i in range(copies) for group in range(i * 4, i * 4 + 4)])
    labels = ("ham", "spam", "news")[: len(classes)]
    return Split([str(i) for i in range(len(texts))], texts, actual, groups, labels, ["small"] * len(texts))
