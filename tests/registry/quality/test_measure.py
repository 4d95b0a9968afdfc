"""Live quality from a real store, read through `python -m bentos export`."""

from datetime import UTC, datetime

import pytest

from registry.errors import RegistryError
from registry.quality import live
from registry.quality.judgements import Judgement
from registry.quality.measure import figures, measure, positive_label
from registry.quality.proportions import labels_needed, paired
from registry.versions import Version
from tests.registry.quality.conftest import HOUR, answers

pytestmark = pytest.mark.usefixtures("folder")


def since(hours: int = 24) -> datetime:
    return datetime.now(UTC) - hours * HOUR


def test_each_sample_has_its_own_figures_of_distinct_texts(fill, registry):
    texts = [("win", "spam"), ("prize", "ham"), ("hi", "ham"), ("bank", "spam"), ("lunch", "ham")]
    fill(
        answers("1", *texts, *[texts[0]] * 50),
        [("win", "spam", "random"), ("prize", "spam", "random"), ("hi", "ham", "random"), ("bank", "ham", "threshold")],
    )
    fill([], [("bank", "ham", ""), ("never called", "spam", "")])
    judged = live(registry, since())["1"]
    random, selected, callers = (judged[name] for name in ("random", "selected", "callers"))
    assert (random.texts, random.caught.count, random.caught.of) == (3, 1, 2)
    assert (random.blocked.count, random.blocked.of) == (0, 1)
    assert random.confusion == {"ham": {"ham": 1}, "spam": {"spam": 1, "ham": 1}}
    assert random.caught.low == pytest.approx(0.0945, abs=5e-5) and random.caught.high == pytest.approx(
        0.9055, abs=5e-5
    )
    assert selected.confusion == callers.confusion == {"ham": {"spam": 1}}
    assert random.calibration.error == pytest.approx((1 * 0.1 + 2 * 0.4) / 3)
    assert live(registry, since())["3"]["random"].caught.of == 0, "every version is there"


def test_only_calls_since_then_and_only_the_versions_own_answers_count(fill, registry):
    fill(answers("1", ("old", "ham")), [("old", "spam", "random"), ("own", "ham", "random")], ago=30 * HOUR)
    fill(answers("1", ("own", "ham"), source="correction"), [])
    assert live(registry, since())["1"]["random"].texts == 0
    assert live(registry, since(48))["1"]["random"].texts == 1


def test_the_champion_and_another_version_are_compared_where_both_answered_also_as_the_shadow(fill, registry):
    registry.point({}, {"champion": "2"})
    first, second = ["spam", "spam", "ham", "ham"], ["spam", "ham", "spam", "ham"]
    fill(
        answers("2", *((f"text {i}", label) for i, label in enumerate(first)), ("only here", "ham"))
        + answers("3", *((f"text {i}", label) for i, label in enumerate(second)), source="shadow"),
        [(f"text {i}", "spam", "random") for i in range(3)],
    )
    (pair,) = measure(registry, since(), datetime.now(UTC)).pairs
    assert (pair.champion, pair.other, pair.differing, pair.compared) == ("2", "3", 2, 4)
    assert pair.samples["random"] == paired(1, 1, 1, 0) and pair.samples["callers"].texts == 0
    assert pair.needed == labels_needed(0.5)


def test_rows_of_an_older_release_count_where_no_probability_is_needed(fill, registry):
    fill([("1", "win", "spam", None, "model")], [("win", "spam", "random")])
    (version,) = (v for v in measure(registry, since(), datetime.now(UTC)).versions if v.version == "1")
    assert version.answered == 1 and version.estimate is None
    assert version.samples["random"].caught.count == 1 and version.samples["random"].calibration is None


def test_a_version_that_the_registry_has_no_longer_is_named_by_its_key(fill, registry):
    fill(answers("1", ("hi", "ham")), [])
    registry.client.delete_model_version("sms-spam", "1")
    gone = [v for v in measure(registry, since(), datetime.now(UTC)).versions if v.answered]
    assert [version.version for version in gone] == [gone[0].key] and gone[0].aliases == ()


def test_a_store_that_cannot_be_read_is_an_error(registry, monkeypatch):
    monkeypatch.setenv("SQLITE_PATH", "missing.db")
    with pytest.raises(RegistryError, match="call log cannot be read"):
        live(registry, since())


def test_the_positive_label_is_the_one_that_the_newest_version_catches():
    at = datetime(2030, 1, 1, tzinfo=UTC)
    rows = [Version(str(i), (), "", "toy", at, metrics) for i, metrics in enumerate([{}, {"fraud_caught": 0.9}])]
    assert positive_label(rows) == "fraud" and positive_label(rows[:1]) == "spam"


def test_of_three_labels_all_but_the_positive_one_can_be_blocked_and_none_is_calibrated():
    rows = [("spam", "spam"), ("spam", "ham"), ("spam", "advert"), ("advert", "ham"), ("ham", "ham")]
    judged = figures([(Judgement(answered, 0.9), right) for answered, right in rows], "spam")
    assert (judged.caught.count, judged.caught.of, judged.blocked.count, judged.blocked.of) == (1, 1, 2, 4)
    assert judged.confusion["ham"] == {"spam": 1, "advert": 1, "ham": 1} and judged.calibration is None
