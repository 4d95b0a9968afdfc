"""Several corpora as one table of messages, and the corpora outside, which are only measured.

Corpora are added in their order, and one that is added changes nothing of those before it:

- a message that an earlier corpus has counts for the earlier one, whatever its label here;
- a near-twin of an earlier message lies in that message's group and split;
- a message that is near to two groups of earlier messages would make them one: it is left out;
- the other messages get splits of their own, drawn from this corpus alone.
"""

import pandas as pd

from pipelines import params
from pipelines.data import splits
from pipelines.data.cleaning import clean_rows, deduplicate
from pipelines.data.corpus import CorpusError
from pipelines.data.twins import twin_groups

COLUMNS = [*splits.COLUMNS, "split"]


def combine(raw: dict[str, pd.DataFrame], settings: params.Prepare) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """The messages (COLUMNS) of the corpora, {name: rows with line, label, text, part, kind}; and each one's counts.

    Raises CorpusError when a corpus is too small to be split.
    """
    messages, known, counts = pd.DataFrame(columns=COLUMNS), pd.Series(dtype=str), {}
    for name, rows in raw.items():
        added, counts[name] = _add(messages, known, rows.assign(source=name), settings)
        messages = added if messages.empty else pd.concat([messages, added], ignore_index=True)
        known = pd.concat([known, clean_rows(rows)["id"]])
    return messages, counts


def _add(
    messages: pd.DataFrame, known: pd.Series, rows: pd.DataFrame, settings: params.Prepare
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The messages of a corpus that come behind `messages`; `known` are the ids of all rows of earlier corpora."""
    distinct, counts = deduplicate(rows)
    repeated = distinct["id"].isin(known)
    fresh = distinct[~repeated].reset_index(drop=True)
    chains = twin_groups([*messages["text"], *fresh["text"]], settings.twin_similarity)
    earlier_chains, fresh_chains = chains[: len(messages)], pd.Series(chains[len(messages) :], index=fresh.index)
    earlier = messages.groupby(earlier_chains)  # their groups and splits, by the number of the chain
    linking = fresh_chains.map(earlier["group"].nunique()) > 1
    fresh, fresh_chains = fresh[~linking], fresh_chains[~linking]
    # A chain without an earlier message is a new group. Its number is the chain's, counted from the first number that
    # no earlier group has: unique, and with gaps where chains have earlier messages.
    first_new = 0 if messages.empty else messages["group"].max() + 1
    fresh = fresh.assign(
        group=fresh_chains.map(earlier["group"].first()).fillna(first_new + fresh_chains).astype(int),
        split=fresh_chains.map(earlier["split"].first()).astype(object),
    )
    in_new_group = fresh["split"].isna()
    fresh.loc[in_new_group, "split"] = _assign(fresh[in_new_group], settings)
    counts |= {"repeated": int(repeated.sum()), "linking": int(linking.sum())}
    counts |= {"messages": len(fresh), "groups": int(fresh["group"].nunique())}
    return fresh[COLUMNS], counts


def _assign(rows: pd.DataFrame, settings: params.Prepare) -> pd.Series:
    if rows.empty:
        return pd.Series(dtype=object)
    try:
        return splits.assign_splits(rows, settings.test, settings.validation, settings.seed)
    except ValueError as error:  # of scikit-learn: too few messages of each label for its folds
        raise CorpusError(f"{rows['source'].iloc[0]}: too few messages of each label to split: {error}") from error


def measured_outside(
    raw: dict[str, pd.DataFrame], messages: pd.DataFrame, similarity: float
) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """The messages of the corpora outside, each cleaned and deduplicated alone; and each one's counts.

    `twin` says whether a message is a near-twin, or the same, of one of `messages`, also by a chain of near-twins.
    """
    tables, counts = [pd.DataFrame(columns=[*COLUMNS[:-1], "twin"])], {}
    for name, rows in raw.items():
        distinct, counts[name] = deduplicate(rows)
        chains = twin_groups([*messages["text"], *distinct["text"]], similarity)
        group = chains[len(messages) :]
        twin = pd.Series(group).isin(chains[: len(messages)])
        tables.append(distinct.assign(group=group, source=name, twin=twin)[tables[0].columns])
        counts[name] |= {"messages": len(distinct), "twins": int(twin.sum())}
    return pd.concat(tables, ignore_index=True), counts
