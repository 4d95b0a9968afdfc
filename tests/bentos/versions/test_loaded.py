import shutil
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bentos.versions.catalogue import AGAIN, Catalogue, CatalogueError, Entry, Source, dumps, loads, missing, selected
from bentos.versions.following.process import Report, sweep
from bentos.versions.loaded import Served, serve
from registry.route import Routing
from registry.versions import Registry, Version
from tests.toy import write_toy
from tests.toyregistry import MODEL_NAME, make_registry


def entry(number, folder, digest, *aliases, why="") -> Entry:
    return Entry(number, f"{number}-{digest[:8]}", aliases, digest, "toy", "2030-01-01", {"mcc": 0.9}, folder, why)


@pytest.fixture
def toys(tmp_path):
    return [
        entry("2", "two", write_toy(tmp_path / "two", -4.0), "challenger"),
        entry("1", "one", write_toy(tmp_path / "one", -1.0), "champion", "stable"),
    ]


def test_every_version_answers_to_its_number_and_aliases(toys, tmp_path):
    served = serve(Catalogue(tuple(toys)), tmp_path)
    assert {ref: version.number for ref, version in served.by_ref.items()} == {
        "2": "2",
        "challenger": "2",
        "1": "1",
        "champion": "1",
        "stable": "1",
    }
    assert served.default.number == "1" and served.why_not_ready == ""


def test_a_catalogue_survives_being_written_down(toys):
    catalogue = Catalogue(tuple(toys), Routing({"challenger": 10.0}, "challenger"))
    assert loads(dumps(catalogue)) == catalogue


def damage(tmp_path, name, content):
    (tmp_path / "one" / name).write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda path: damage(path, "model.onnx", b"damaged"), "damaged"),
        (lambda path: damage(path, "metadata.json", b"{}"), "not a model version"),
        (lambda path: (path / "one" / "tokenizer.json").unlink(), "cannot read"),
        (lambda path: write_toy(path / "one", 7.0), "the registry says"),
    ],
)
def test_a_broken_version_is_refused_with_the_reason_and_the_other_serves(toys, tmp_path, harm, why):
    harm(tmp_path)
    served = serve(Catalogue(tuple(toys)), tmp_path)
    assert [version.number for version in served.versions] == ["2"]
    assert served.refused[0].number == "1" and why in served.refused[0].why
    assert "version 1, the champion, cannot be served" in served.why_not_ready


def test_a_version_that_could_not_be_fetched_is_refused(toys, tmp_path):
    served = serve(Catalogue((entry("3", None, "0" * 64, "champion", why="the store is away"),)), tmp_path)
    assert served.refused[0].why == "the store is away"


def test_without_a_champion_it_says_how_to_make_one(toys, tmp_path):
    assert "python -m registry promote" in serve(Catalogue(tuple(toys[:1])), tmp_path).why_not_ready
    assert Served(why_empty="because").why_not_ready == "because"


def test_a_registry_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(CatalogueError, match="make up"):
        Source("sms-spam", f"sqlite:///{tmp_path / 'mlflow.db'}").catalogue()
    assert not (tmp_path / "mlflow.db").exists()


def test_a_registry_that_is_no_registry_is_an_error_in_words(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 100)
    with pytest.raises(CatalogueError, match="cannot be read"):
        Source("sms-spam", f"sqlite:///{tmp_path / 'mlflow.db'}").catalogue()


def test_what_is_loaded_is_taken_over_under_its_new_aliases(toys, tmp_path):
    before = serve(Catalogue(tuple(toys)), tmp_path)
    moved = [replace(toys[0], aliases=("champion",)), replace(toys[1], aliases=("stable",))]
    (tmp_path / "one" / "model.onnx").unlink()  # nothing is read again
    after = serve(Catalogue(tuple(moved)), tmp_path, before)
    assert {alias: after.by_ref[alias].number for alias in ("champion", "stable")} == {"champion": "2", "stable": "1"}
    assert [v.model for v in after.versions] == [v.model for v in before.versions]
    assert "challenger" not in after.by_ref and before.default.number == "1"


def test_a_number_that_names_other_content_is_loaded_anew(toys, tmp_path):
    before = serve(Catalogue(tuple(toys)), tmp_path)
    other = entry("1", "other", write_toy(tmp_path / "other", 2.0), "champion")
    after = serve(Catalogue((other,)), tmp_path, before)
    assert after.default.key != before.default.key and [v.number for v in after.versions] == ["1"]


def test_an_alias_stays_where_it_was_until_it_can_move(toys, tmp_path):
    before = serve(Catalogue(tuple(toys)), tmp_path)
    broken = entry("3", None, "0" * 64, "champion", why="it is away")
    kept = [toys[0], replace(toys[1], aliases=())]
    for asked in ((broken, *kept), (broken, toys[0])):  # version 1 may still be asked for, or not
        before = serve(Catalogue(asked), tmp_path, before)
        assert before.default.number == "1" and "3" not in before.by_ref and before.why_not_ready == ""
        assert [version.number for version in before.versions] == ["2", "1"]
    whole = entry("3", "three", write_toy(tmp_path / "three", 1.0), "champion")
    after = serve(Catalogue((whole, toys[0])), tmp_path, before)
    assert after.default.number == "3" and [version.number for version in after.versions] == ["3", "2"]


def test_an_alias_on_a_version_that_is_not_whole_is_refused_and_held(tmp_path):
    from mlflow import MlflowClient

    uri = make_registry(tmp_path)
    before = serve(Source(MODEL_NAME, uri).catalogue())
    client = MlflowClient(uri, uri)
    number = client.create_model_version(MODEL_NAME, (tmp_path / "elsewhere").as_uri()).version
    source = Source(MODEL_NAME, uri, "all")
    assert serve(source.catalogue(), before=before).refused == (), "nobody asked for it"
    client.set_registered_model_alias(MODEL_NAME, "champion", number)
    after = serve(source.catalogue(), before=before)
    assert after.default.number == "1" and [version.number for version in after.versions] == ["2", "1"]
    assert [(refused.number, refused.aliases) for refused in after.refused] == [("3", ("champion",))]
    assert "digest" in after.refused[0].why
    assert "version 3, the champion, cannot be served" in serve(source.catalogue()).why_not_ready


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A source whose versions come as downloads into a folder, each time as another copy of what the registry has."""
    uri, downloads = make_registry(tmp_path), tmp_path / "downloads"
    downloads.mkdir()
    local = Registry.folder

    def download(registry, version):
        where = tempfile.mkdtemp(dir=downloads)
        return Path(shutil.copytree(local(registry, version), where, dirs_exist_ok=True))

    monkeypatch.setattr(Registry, "folder", download)
    source = Source(MODEL_NAME, uri, downloads=downloads)
    source.original = local(Registry(MODEL_NAME, uri), Registry(MODEL_NAME, uri).resolve("2"))
    return source


def folders(source: Source) -> dict[str, str | None]:
    """By number, as the follower would report them and then sweep."""
    report = Report(source.catalogue())
    report.write(source.downloads)
    sweep(source.downloads)
    return {entry.number: entry.folder for entry in report.catalogue.entries}


def test_a_download_is_kept_while_it_is_whole_and_named(remote):
    first = folders(remote)
    assert folders(remote) == first and len(serve(remote.catalogue()).versions) == 2
    (Path(first["1"]) / "model.onnx").unlink()
    again = folders(remote)
    assert again["2"] == first["2"] and again["1"] != first["1"]
    assert {str(path) for path in remote.downloads.glob("tmp*")} == set(again.values())
    client = remote._registry.client
    client.delete_registered_model_alias(MODEL_NAME, "challenger")
    held = remote.downloads / "held.json"
    held.write_text(dumps(remote.catalogue()).replace(again["1"], again["2"]))
    folders(remote)
    assert Path(again["2"]).exists(), "the workers hold it"
    held.unlink()
    assert folders(remote) == {"1": again["1"]} and not Path(again["2"]).exists()


def test_a_download_that_came_broken_is_fetched_anew(remote, monkeypatch):
    whole = (remote.original / "model.onnx").read_bytes()
    (remote.original / "model.onnx").write_bytes(b"damaged")
    assert folders(remote)["2"] is None and len(list(remote.downloads.glob("tmp*"))) == 1
    (refused,) = serve(remote.catalogue()).refused
    assert refused.number == "2" and "damaged" in refused.why and str(remote.downloads) not in refused.why
    (remote.original / "model.onnx").write_bytes(whole)
    assert folders(remote)["2"] is None, "not at every look"
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + AGAIN)
    assert folders(remote)["2"] and serve(remote.catalogue()).refused == ()


VERSIONS = [
    Version(number, aliases, number * 64, "toy", datetime.now(UTC), "", {})
    for number, aliases in (("4", ()), ("3", ()), ("2", ("challenger",)), ("1", ("champion",)))
]


@pytest.mark.parametrize(
    ("policy", "numbers"),
    [
        ("aliases", "21"),
        ("all", "4321"),
        ("latest:1", "421"),
        ("latest:9", "4321"),
        ("champion, 4", "41"),
        ("3", "3"),
        ("9", ""),
    ],
)
def test_the_policy_selects_what_is_served(policy, numbers):
    assert "".join(version.number for version in selected(VERSIONS, policy)) == numbers


def test_a_listed_version_that_does_not_exist_is_refused_by_its_name(toys, tmp_path):
    absent = missing(VERSIONS, "champion,night,9")
    assert [refused.number for refused in serve(Catalogue((*toys, *absent)), tmp_path).refused] == ["9", "night"]
    assert missing(VERSIONS, "all") == missing(VERSIONS, "latest:3") == missing(VERSIONS, "aliases") == []
