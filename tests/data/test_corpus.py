"""Expectations on the real corpora and on how it was split."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipelines.data import corpus, stand_in
from pipelines.data.cleaning import message_id
from pipelines.data.twins import twin_groups
from pipelines.hashing import sha256_of_json

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "data" / "SMSSpamCollection"
PARAMS = (ROOT / "params.yaml").read_text()


@pytest.fixture(scope="module")
def splits():
    read = {name: pd.read_csv(ROOT / f"build/prepared/{name}.csv", keep_default_na=False) for name in
            ("train", "validation", "test")}  # fmt: skip
    return pd.concat(read, names=["split"]).reset_index("split")


@pytest.fixture(scope="module")
def whole():
    if stand_in.is_stand_in(CORPUS):
        pytest.skip("the stand-in corpus is in place: its counts are others")


def test_the_raw_corpus_is_uci_s(whole):
    raw = corpus.read(CORPUS)
    assert raw.broken == []
    assert raw.rows["label"].value_counts().to_dict() == {"ham": 4827, "spam": 747}
    assert raw.rows.duplicated(["label", "text"]).sum() == 403


def test_a_stand_in_is_marked_wherever_its_figures_go():
    artifacts = [ROOT / f"build/{name}/artifact/metadata.json" for name in yaml.safe_load(PARAMS)["variants"]]
    files = [ROOT / "build/prepared/report.json", *(file for file in artifacts if file.exists())]
    marks = [json.loads(file.read_text()).get("stand_in") for file in files]
    assert len(files) > 1 and set(marks) == {stand_in.SOURCE if stand_in.is_stand_in(CORPUS) else None}


def test_what_preparing_left_out_is_accounted_for(whole, splits):
    report = json.loads((ROOT / "build/prepared/report.json").read_text())
    left_out = sum(report[name] for name in ("broken", "empty", "conflicting", "duplicates"))
    assert report["corpora"]["sms"]["rows"] == 5574
    own = [counts["repeated"] + counts["linking"] for counts in report["corpora"].values()]
    assert report["rows"] == left_out + sum(own) + report["messages"]
    assert report["messages"] == splits["source"].ne("feedback").sum()
    assert len(splits) == sum(report[name]["messages"] for name in set(splits["split"]))


def test_other_corpora_change_nothing_of_the_sms_splits(whole, splits):
    sms = splits[splits["source"] == "sms"].astype({"line": str, "group": str})
    rows = {name: part[["id", "line", "group"]].to_numpy().tolist() for name, part in sms.groupby("split")}
    assert {name: sha256_of_json(part)[:16] for name, part in rows.items()} == {
        "train": "88ab21e6cb0db1d7",
        "validation": "779a0adf5f66671e",
        "test": "8c73e4f5d748171d",
    }


def test_every_message_stands_once(splits):
    assert splits["id"].is_unique
    assert (splits["text"].map(message_id) == splits["id"]).all()


def test_no_near_twin_of_a_test_message_is_trained_on(splits):
    rows = splits.reset_index(drop=True)
    groups = pd.Series(twin_groups(rows["text"].tolist(), 0.5))
    assert (groups.groupby(groups).size() > 1).sum() > 100  # there are twins to keep together
    assert rows["split"].groupby(groups).nunique().max() == 1


def test_the_splits_have_alike_shares_of_spam(splits):
    for _, own in splits[splits["source"] != "feedback"].groupby("source"):
        share = own["label"].eq("spam").groupby(own["split"]).mean()
        assert share.max() - share.min() < 0.01
