"""From a catalogue to the versions that are served."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bentos.versions.catalogue import Catalogue, Entry
from bentos.versions.loaded import ServedVersions, changes
from bentos.versions.loading import NO_CHAMPION, load
from bentos.versions.registry_reader import RegistryReader
from registry.versions import Version
from tests.toy import write_toy
from tests.toyregistry import MODEL_NAME, make_registry


def entry(number, folder, digest, *aliases, problem="") -> Entry:
    version = Version(number, aliases, digest, "toy", datetime(2030, 1, 1, tzinfo=UTC), {"mcc": 0.9}, problem=problem)
    return Entry(version, folder)


def with_aliases(entry, *aliases) -> Entry:
    return replace(entry, version=replace(entry.version, aliases=aliases))


@pytest.fixture
def toys(tmp_path):
    return [
        entry("2", "two", write_toy(tmp_path / "two", -4.0), "challenger"),
        entry("1", "one", write_toy(tmp_path / "one", -1.0), "champion", "stable"),
    ]


def test_every_version_answers_to_its_number_and_aliases(toys, tmp_path):
    served = load(Catalogue(tuple(toys)), tmp_path)
    assert {ref: version.number for ref, version in served.by_ref.items()} == {
        "2": "2",
        "challenger": "2",
        "1": "1",
        "champion": "1",
        "stable": "1",
    }
    assert served.default.number == "1" and served.why_no_champion == ""


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
    served = load(Catalogue(tuple(toys)), tmp_path)
    assert [version.number for version in served.versions] == ["2"]
    assert served.refused[0].number == "1" and why in served.refused[0].problem
    assert "version 1, the champion, cannot be served" in served.why_no_champion


def test_a_version_that_could_not_be_fetched_is_refused(toys, tmp_path):
    served = load(Catalogue((entry("3", None, "0" * 64, "champion", problem="the store is away"),)), tmp_path)
    assert served.refused[0].problem == "the store is away"


def test_without_a_champion_it_says_how_to_make_one(toys, tmp_path):
    assert "python -m registry promote" in load(Catalogue(tuple(toys[:1])), tmp_path).why_no_champion
    assert ServedVersions(problem="because").why_no_champion == "because"


def test_what_is_loaded_is_taken_over_under_its_new_aliases(toys, tmp_path):
    before = load(Catalogue(tuple(toys)), tmp_path)
    moved = [with_aliases(toys[0], "champion"), with_aliases(toys[1], "stable")]
    (tmp_path / "one" / "model.onnx").unlink()  # nothing is read again
    after = load(Catalogue(tuple(moved)), tmp_path, before)
    assert {alias: after.by_ref[alias].number for alias in ("champion", "stable")} == {"champion": "2", "stable": "1"}
    assert [v.model for v in after.versions] == [v.model for v in before.versions]
    assert "challenger" not in after.by_ref and before.default.number == "1"


def test_a_number_that_names_other_content_is_loaded_anew(toys, tmp_path):
    before = load(Catalogue(tuple(toys)), tmp_path)
    other = entry("1", "other", write_toy(tmp_path / "other", 2.0), "champion")
    after = load(Catalogue((other,)), tmp_path, before)
    assert after.default.key != before.default.key and [v.number for v in after.versions] == ["1"]


def test_versions_of_one_digest_share_one_model(toys, tmp_path):
    (two, one), before = toys, load(Catalogue((toys[1],)), tmp_path)
    twin = entry("3", "one", one.version.digest)
    served = load(Catalogue((twin, two, one)), tmp_path, before)
    assert [loaded.model is before.default.model for loaded in served.versions] == [True, False, True]
    assert [loaded.number for loaded in served.versions] == ["3", "2", "1"]


def test_an_alias_stays_where_it_was_until_it_can_move(toys, tmp_path):
    before = load(Catalogue(tuple(toys)), tmp_path)
    broken = entry("3", None, "0" * 64, "champion", problem="it is away")
    kept = [toys[0], with_aliases(toys[1])]
    for asked in ((broken, *kept), (broken, toys[0])):  # version 1 may still be asked for, or not
        before = load(Catalogue(asked), tmp_path, before)
        assert before.default.number == "1" and "3" not in before.by_ref and before.why_no_champion == ""
        assert [version.number for version in before.versions] == ["2", "1"]
    whole = entry("3", "three", write_toy(tmp_path / "three", 1.0), "champion")
    after = load(Catalogue((whole, toys[0])), tmp_path, before)
    assert after.default.number == "3" and [version.number for version in after.versions] == ["3", "2"]


def test_the_last_champion_goes_on_when_its_version_or_its_alias_is_deleted(toys, tmp_path, caplog):
    before = load(Catalogue(tuple(toys)), tmp_path)
    for left in ([toys[0]], [toys[0], with_aliases(toys[1], "stable")]):
        after = before
        for _ in range(2):
            after = load(Catalogue(tuple(left)), tmp_path, after)
            assert after.default.number == "1" and after.default.source_problem == NO_CHAMPION
            assert after.default.model is before.default.model and after.by_ref["2"].source_problem == ""
        assert set(after.default.aliases) == {*left[-1].version.aliases, "champion"} - {"challenger"}
    assert caplog.text.count(NO_CHAMPION) == 2
    promoted = load(Catalogue((with_aliases(toys[0], "champion"),)), tmp_path, after)
    assert [(v.number, v.source_problem) for v in promoted.versions] == [("2", "")]
    back = load(Catalogue(tuple(toys)), tmp_path, after)
    assert back.default.number == "1" and back.default.source_problem == ""


def test_a_source_that_is_harmed_is_said_once_and_what_is_loaded_goes_on(toys, tmp_path, caplog):
    before = load(Catalogue(tuple(toys)), tmp_path)
    harmed = replace(toys[1], source_problem="it is deleted")
    gone = replace(with_aliases(toys[1], "champion", "stable"), folder=None)
    gone = replace(gone, version=replace(gone.version, problem="it is deleted"))
    for entry in (harmed, harmed, gone):
        before = load(Catalogue((toys[0], entry)), tmp_path, before)
        assert before.default.number == "1" and before.default.source_problem == "it is deleted"
    assert caplog.text.count("version 1 goes on being served, from memory or its copy: it is deleted") == 1
    assert load(Catalogue(tuple(toys)), tmp_path, before).default.source_problem == ""


def test_an_alias_on_a_version_that_is_not_whole_is_refused_and_held(tmp_path):
    from mlflow import MlflowClient

    uri = make_registry(tmp_path)
    before = load(RegistryReader(MODEL_NAME, uri).catalogue())
    client = MlflowClient(uri, uri)
    number = client.create_model_version(MODEL_NAME, (tmp_path / "elsewhere").as_uri()).version
    reader = RegistryReader(MODEL_NAME, uri, "all")
    assert load(reader.catalogue(), before=before).refused == (), "nobody asked for it"
    client.set_registered_model_alias(MODEL_NAME, "champion", number)
    after = load(reader.catalogue(), before=before)
    assert after.default.number == "1" and [version.number for version in after.versions] == ["2", "1"]
    assert [(refused.number, refused.aliases) for refused in after.refused] == [("3", ("champion",))]
    assert "digest" in after.refused[0].problem
    assert "version 3, the champion, cannot be served" in load(reader.catalogue()).why_no_champion


def test_what_came_and_went_is_told_by_number(toys, tmp_path):
    before = load(Catalogue(tuple(toys)), tmp_path)
    broken = entry("3", None, "0" * 64, "night", problem="it is away")
    after = load(Catalogue((broken, toys[1])), tmp_path, before)
    assert changes(ServedVersions(), before) == {"load": ["2", "1"], "unload": [], "refuse": []}
    assert changes(before, after) == {"load": [], "unload": ["2"], "refuse": ["3"]}
    assert changes(after, after) == {"load": [], "unload": [], "refuse": []}
