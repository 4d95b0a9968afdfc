"""The corrections that callers sent, merged into the training split.

Anyone who may call may send corrections, so their influence is limited:

- they go into train alone, never into validation or test, so that figures stay comparable and the gate judges on the
  same messages as before;
- a correction that is a near-twin of a validation or test message is left out, or that message would be trained on;
- where a correction contradicts the corpus, the corpus wins. A person who is sure that the corpus is wrong edits the
  corpus;
- a person refuses a text for good by the label `rejected`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import params
from pipelines.data import corpus
from pipelines.data.cleaning import clean_rows
from pipelines.data.twins import twin_groups

SOURCE = params.FEEDBACK
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "'")  # the last one, so that `unescape` is the inverse
REJECTED = "rejected"  # a label that no caller gives
REASONS = {  # the outcomes that a person should look at, and what is printed of each
    "empty": "it has no label or no text",
    "unknown_label": "no message of the corpus has this label",
    "disputed": "another row gives this text another label",
    "contradicting": "{source} gives this text another label, in line {line}",
}


def read(path: Path) -> corpus.Raw:
    """The file that `pipelines.collect` writes; no rows where it does not exist. Raises corpus.CorpusError."""
    if not path.exists():
        return corpus.Raw(pd.DataFrame(columns=["line", "label", "text"]), [])
    raw = corpus.read(path, may_be_empty=True)
    return corpus.Raw(raw.rows.assign(text=raw.rows["text"].map(unescape)), raw.broken)


def escape(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula: with `'` in front where that is needed."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def unescape(cell: str) -> str:
    """The inverse of `escape`."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


def merge(
    messages: pd.DataFrame, corrections: pd.DataFrame, similarity: float
) -> tuple[pd.DataFrame, dict[str, int], list[tuple[int, str]]]:
    """The messages with the usable corrections behind them; the count of each outcome; (line, reason) of unusable rows.

    `messages` has the columns of `pipelines.data.corpora`, each id once; `corrections` has line, label, text.
    """
    rows = clean_rows(corrections)
    rows["outcome"] = _outcomes(messages, rows)
    messages, rows = _add(messages, rows, similarity)
    counts = {"rows": len(rows), **rows["outcome"].value_counts().sort_index().to_dict()}
    places = messages.set_index("id")[["source", "line"]].to_dict("index")
    unusable = rows[rows["outcome"].isin(REASONS)].itertuples()
    return messages, counts, [(row.line, REASONS[row.outcome].format_map(places.get(row.id, {}))) for row in unusable]


def _outcomes(messages: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """What happens to each correction by its own text and label: the first condition that holds, else `added`."""
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


def _add(messages: pd.DataFrame, rows: pd.DataFrame, similarity: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Append the rows to add to train; those with a near-twin in validation or test get the outcome `twin` instead."""
    added = rows[rows["outcome"] == "added"]
    if added.empty:
        return messages, rows
    new = added[["id", "line", "label", "text"]].assign(source=SOURCE, part="", kind="", split="train")
    both = pd.concat([messages, new], ignore_index=True)
    chains = pd.Series(twin_groups(both["text"].tolist(), similarity))
    held_out = chains.isin(chains[both["split"] != "train"])
    twins = added.index[held_out[len(messages) :]]
    joined = both["group"].groupby(chains).transform("min")  # a correction may join two groups of train to one
    joined = joined.fillna(messages["group"].max() + 1 + chains)
    both["group"] = both["group"].where(held_out, joined)
    remaining = both[~held_out | (both["source"] != SOURCE)].astype({"group": int})
    return remaining, rows.assign(outcome=rows["outcome"].mask(rows.index.isin(twins), "twin"))
