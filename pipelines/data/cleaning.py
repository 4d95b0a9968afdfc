"""Cleaning: one form for each text, and one row for each distinct message.

Two texts are the same message where only case, blanks or digits differ. Alike but different messages are near-twins
(`pipelines.data.twins`).
"""

import hashlib
import re
import unicodedata

import pandas as pd

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def clean(text: str) -> str:
    """Unicode NFC without control characters or blanks around it; the words stay as they were written."""
    return _CONTROL.sub(" ", unicodedata.normalize("NFC", text)).strip()


def fold(text: str) -> str:
    """The text in lower case, with single blanks and every digit as 0: equal for two forms of the same message."""
    return re.sub(r"\d", "0", " ".join(text.lower().split()))


def message_id(text: str) -> str:
    """12 hex digits that depend on the folded text alone: the same in every corpus and split."""
    return hashlib.sha256(fold(text).encode()).hexdigest()[:12]


def clean_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows (line, label, text) with label and text cleaned, and the text's `message_id` as `id`."""
    rows = rows.assign(label=rows["label"].str.strip(), text=rows["text"].map(clean))
    return rows.assign(id=rows["text"].map(message_id))


def deduplicate(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Clean the rows (line, label, text and more) and keep the first of each message, with its `id`; and the counts.

    A message that occurs with several labels is left out whole, since none of them can be trusted.
    """
    rows = clean_rows(rows)
    filled = rows[(rows["text"] != "") & (rows["label"] != "")]
    agreed = filled[filled.groupby("id")["label"].transform("nunique") == 1]
    distinct = agreed.drop_duplicates("id").reset_index(drop=True)
    counts = {
        "empty": len(rows) - len(filled),
        "conflicting": len(filled) - len(agreed),
        "duplicates": len(agreed) - len(distinct),
    }
    return distinct, counts
