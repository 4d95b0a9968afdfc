"""The corrections that callers sent, merged into what is trained on.

Anyone who may call may send corrections, so they decide little: they go into train alone, never into validation or
test, whose figures stay comparable and are what the gate looks at; a text near to a message of those is left out, or
the test would be trained on; and where a correction contradicts the corpus, the corpus wins. Whoever is sure that the
corpus is wrong changes the corpus. A person refuses a text for good by the label `rejected`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.data import corpus
from pipelines.data.messages import cleaned, twins

SOURCE = "feedback"
REJECTED = "rejected"  # a label that no caller gives
TOLD = {  # what becomes of a row that a person should look at -> why
    "empty": "it has no label or no text",
    "unknown_label": "no message of the corpus has this label",
    "disputed": "another row gives this text another label",
    "contradicting": "the corpus gives this text another label, in line {}",
}


def read(path: Path) -> corpus.Raw:
    """The file that `pipelines.collect` writes; no rows where it does not exist. Raises corpus.CorpusError."""
    return corpus.rows(path) if path.exists() else corpus.Raw(pd.DataFrame(columns=["line", "label", "text"]), [])


def merge(
    messages: pd.DataFrame, corrections: pd.DataFrame, similarity: float
) -> tuple[pd.DataFrame, dict[str, int], list[tuple[int, str]]]:
    """The messages with the usable corrections behind them; how many rows became what; (line, why) of unusable ones.

    `messages` has id, line, group, label, text, source, split, each id once; `corrections` has line, label, text.
    """
    rows = cleaned(corrections)
    rows["fate"] = _fates(messages, rows)
    messages, rows = _added(messages, rows, similarity)
    counts = {"rows": len(rows), **rows["fate"].value_counts().sort_index().to_dict()}
    lines = messages.set_index("id")["line"]
    told = rows[rows["fate"].isin(TOLD)]
    return messages, counts, [(row.line, TOLD[row.fate].format(lines.get(row.id))) for row in told.itertuples()]


def _fates(messages: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """What becomes of each correction, judged by its own words alone."""
    empty = (rows["text"] == "") | (rows["label"] == "")
    usable = rows["label"].isin(messages["label"]) & ~empty
    labels = rows["label"].where(usable).groupby(rows["id"]).transform("nunique")
    in_corpus = rows["id"].map(messages.set_index("id")["label"])
    rejected = rows.loc[rows["label"] == REJECTED, "id"]
    conditions = {
        "empty": empty,
        "rejected": rows["id"].isin(rejected),
        "unknown_label": ~usable,
        "disputed": labels > 1,
        "contradicting": in_corpus.notna() & (in_corpus != rows["label"]),
        "known": in_corpus.notna(),
        "duplicate": rows["id"].where(usable).duplicated(),
    }
    return np.select(list(conditions.values()), list(conditions), "added")


def _added(messages: pd.DataFrame, rows: pd.DataFrame, similarity: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The messages with those corrections in train that are near to none held out; the others become `twin`."""
    added = rows[rows["fate"] == "added"]
    if added.empty:
        return messages, rows
    new = added[["id", "line", "label", "text"]].assign(source=SOURCE, split="train")
    both = pd.concat([messages, new], ignore_index=True)
    chains = pd.Series(twins(both["text"].tolist(), similarity))
    held_out = chains.isin(chains[both["split"] != "train"])
    near = added.index[held_out[len(messages) :]]
    joined = both["group"].groupby(chains).transform("min")  # a correction may join two groups of train to one
    joined = joined.fillna(messages["group"].max() + 1 + chains)
    both["group"] = both["group"].where(held_out, joined)
    kept = both[~held_out | (both["source"] != SOURCE)].astype({"group": int})
    return kept, rows.assign(fate=rows["fate"].mask(rows.index.isin(near), "twin"))
