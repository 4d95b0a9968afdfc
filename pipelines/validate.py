"""Check the corpora and the prepared tables against the expectations; a failed one stops the pipeline.

    python -m pipelines.validate PREPARED OUT DOCS

reads the corpora of params.yaml, without an optional one that is missing, and the tables in PREPARED. It writes OUT, a
small JSON with the outcome of each expectation, and DOCS/index.html, Great Expectations' Data Docs without what needs
a network. The corpora outside are checked too, but are in DOCS alone: they are not in OUT, because a change of OUT
retrains every variant.
"""

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from pipelines import offline_docs, params, stage
from pipelines.data import corpus, expectations, splits
from registry.notify import VALIDATION_FAILED, notify

SHOWN = 10  # rows that are printed of a failed expectation


def tables(raw: dict[str, corpus.Raw], prepared: Path) -> dict[str, pd.DataFrame]:
    """The tables of `pipelines.data.expectations` by name, of the corpora by name."""
    frames = {}
    for name, one in raw.items():
        frames |= {f"{name} raw": _raw(one), f"{name} labels": _labels(one)}
    parts = [splits.read_table(prepared, name).assign(split=name) for name in splits.SPLITS]
    messages = pd.concat(parts, ignore_index=True)
    messages["splits_of_group"] = messages.groupby("group")["split"].transform("nunique")
    messages["labels_of_split"] = messages.groupby("split")["label"].transform("nunique")
    return frames | {"prepared": messages}


def _raw(raw: corpus.Raw) -> pd.DataFrame:
    """The lines of a corpus. A broken row counts as one without label and text."""
    broken = pd.DataFrame({"line": [line for line, _ in raw.broken]}).reindex(columns=corpus.COLUMNS, fill_value="")
    rows = pd.concat([raw.rows, broken], ignore_index=True)
    return rows.assign(label=rows["label"].str.strip(), text=rows["text"].str.strip())


def _labels(raw: corpus.Raw) -> pd.DataFrame:
    shares = raw.rows["label"].str.strip().value_counts(normalize=True)
    return pd.DataFrame({"label": shares.index, "share": shares.to_numpy()})


def check(frames: dict[str, pd.DataFrame], suite: list[expectations.Expectation], docs: Path) -> list[dict[str, Any]]:
    """Run the suite, write its Data Docs, and return each expectation's outcome, in order."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)  # a table of 5,000 rows takes a second
    for site in list(context.get_config()["data_docs_sites"]):
        context.delete_data_docs_site(site)
    backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())}
    context.add_data_docs_site(
        "docs",
        {
            "class_name": "SiteBuilder",
            "store_backend": backend,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    offline_docs.remove_earlier(docs)
    outcomes = []
    for name, frame in frames.items():
        outcomes += _run(context, name, frame, [row for row in suite if row[0] == name])
    context.build_data_docs()
    offline_docs.make_offline(docs, outcomes)
    return outcomes


def _run(context: Any, name: str, frame: pd.DataFrame, rows: list[expectations.Expectation]) -> list[dict[str, Any]]:
    """Check one table; returns the outcome of each expectation."""
    batch = context.data_sources.add_pandas(name).add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
    expected = [getattr(gx.expectations, kind)(**arguments) for _, kind, arguments in rows]
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expected))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(
            name=name,
            validation_definitions=[definition],
            actions=[gx.checkpoint.UpdateDataDocsAction(name="docs")],
            result_format={"result_format": "COMPLETE"},
        )
    )
    run = checkpoint.run(batch_parameters={"dataframe": frame})
    (results,) = run.run_results.values()
    return [_outcome(name, frame, result) for result in results.results]


def _outcome(name: str, frame: pd.DataFrame, result: Any) -> dict[str, Any]:
    config = result.expectation_config
    arguments = {key: value for key, value in config.kwargs.items() if key != "batch_id"}
    outcome = {"table": name, "expectation": config.type, **arguments, "success": bool(result.success)}
    if not result.success:
        rows = (result.result.get("unexpected_index_list") or [])[:SHOWN]
        outcome["unexpected"] = result.result.get("unexpected_count", 0)
        outcome["rows"] = [_row(frame.loc[row]) for row in rows]
        outcome["observed"] = str(result.result.get("observed_value", ""))
    return outcome


def _row(row: pd.Series) -> dict[str, str]:
    return {name: str(value)[:80] for name, value in row.items()}


def summary(failed: list[dict[str, Any]]) -> dict[str, Any]:
    """The expectations that are not met, for a notification: no row, since its text may be a caller's."""
    names = ("table", "expectation", "column", "unexpected")
    return {"count": len(failed), "failed": [{n: row[n] for n in names if n in row} for row in failed[:SHOWN]]}


def _format(outcome: dict[str, Any]) -> str:
    details = {key: value for key, value in outcome.items() if key not in ("table", "expectation", "success", "rows")}
    shown = "".join(f"\n    {row}" for row in outcome["rows"])
    return f"  {outcome['table']}: {outcome['expectation']} {details}{shown}"


def main() -> None:
    args = _arguments()
    loaded = params.load()
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    raw = corpus.read_all(loaded.corpora)
    for one in loaded.corpora:
        if one.name not in raw:
            print(f"validate: {one.name}: skipped, since {one.path} is missing and optional")
    frames = tables(raw, args.prepared)
    main = loaded.main.name
    others, trained = [name for name in raw if name != main], [one.name for one in loaded.with_role("train")]
    known = frames[f"{main} labels"]["label"].tolist()
    suite = expectations.suite(loaded.validate_, loaded.positive, main, others, trained, known)
    outcomes = check(frames, suite, args.docs)
    failed = [outcome for outcome in outcomes if not outcome["success"]]
    print(f"validate: {len(outcomes) - len(failed)} of {len(outcomes)} expectations met; {args.docs}/index.html")
    if failed:
        notify(VALIDATION_FAILED, summary(failed))
        raise SystemExit("\n".join(["validate: not met:", *map(_format, failed)]))
    outside = [table for one in loaded.with_role("outside") for table in (f"{one.name} raw", f"{one.name} labels")]
    kept = [outcome for outcome in outcomes if outcome["table"] not in outside]
    args.out.write_text(json.dumps(kept, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    return stage.parse(
        "validate",
        __doc__,
        "build/prepared build/validation.json build/docs",
        prepared=stage.PREPARED,
        out="the JSON file for the outcome of each expectation",
        docs="the folder for the report that a browser shows",
    )


if __name__ == "__main__":
    stage.run(main, corpus.CorpusError)
