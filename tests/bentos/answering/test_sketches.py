"""From answered calls to the histograms of a version's texts."""

from dataclasses import replace

import pytest

from bentos.answering.sketches import LONGEST, PART, WINDOW, Sketch, Sketches
from bentos.monitoring.drift import SAMPLED
from bentos.versions.loaded import ServedVersions
from registry.drift import MIN_CALLS
from registry.model.profile import profile_of
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio

HAM, SPAM = "see you at home later", "WIN a prize at http://win.example/now"


def reference():
    """The profile of a training set, as a version is registered with it."""
    profile = profile_of([("ham", HAM)] * 870 + [("spam", SPAM)] * 130)
    profile.positive = "spam"
    profile.count("score", ["0"] * 870 + ["0.999"] * 130)
    profile.count("unknown", ["0"] * 1_000)
    return profile


@pytest.fixture
def sketches(service, metrics) -> Sketches:
    """Version 1 has a reference, version 2 has none."""
    new, old = service.served.versions
    service.current.served = replace(service.served, versions=(new, replace(old, reference=reference())))
    return Sketches(service.current, metrics)


def told(metrics, name: str) -> dict[tuple[str, ...], float]:
    (family,) = [family for family in metrics.collect() if family.name == name]
    return {tuple(value for _, value in sorted(s.labels.items())): s.value for s in family.samples}


async def test_every_text_of_a_quiet_version_counts_from_the_cache_or_not_until_it_is_old(sketches, metrics, client):
    for _ in range(2):
        await client.post("/predictions", json={"texts": [HAM, SPAM]})
    await client.post("/prediction", json={"text": HAM, "model_version": "2"})
    await client.post("/feedback", json={"text": HAM, "label": "spam"})
    assert (await client.post("/prediction", json={"text": HAM})).json()["source"] == "correction"
    await sketches.update(now=0)
    texts = told(metrics, "spam_drift_texts")
    assert {labels[-1] for labels in texts} == {"1"}, "version 2 has nothing to be compared with"
    assert texts["0", "links", "1"] == texts["1", "links", "1"] == 2 and texts["latin", "script", "1"] == 4
    for feature in ("label", "length", "links", "script", "score", "unknown"):
        assert sum(count for (_, name, _), count in texts.items() if name == feature) == 4, feature
    await sketches.update(now=LONGEST)
    assert told(metrics, "spam_drift_texts") == {}


async def test_other_texts_than_in_training_raise_the_index_of_what_is_other(sketches, metrics, app):
    async with client_of(app) as client:
        for round in range(MIN_CALLS // SAMPLED):
            await client.post("/predictions", json={"texts": [f"{SPAM} {i}" for i in range(50)]})
            await sketches.update(now=round)
    indices = told(metrics, "spam_drift_psi")
    assert (
        sum(count for (_, name, _), count in told(metrics, "spam_drift_texts").items() if name == "links") == MIN_CALLS
    )
    assert indices["links", "1"] > 1 and indices["length", "1"] > 1 and indices["script", "1"] == pytest.approx(0)


async def test_a_version_that_comes_back_begins_anew_and_one_with_less_of_a_reference_has_less(
    sketches, metrics, client
):
    await client.post("/prediction", json={"text": HAM})
    await sketches.update(now=0)
    served, sketches.current.served = sketches.current.served, ServedVersions()
    await sketches.update(now=1)
    assert told(metrics, "spam_drift_texts") == {}
    new, old = served.versions
    before = replace(old, reference=profile_of([("ham", HAM)]))
    before.reference.features.clear()  # as all were once
    sketches.current.served = replace(served, versions=(new, before))
    await sketches.update(now=2)
    assert told(metrics, "spam_drift_texts") == {}
    await client.post("/prediction", json={"text": HAM})
    await sketches.update(now=3)
    assert {(labels[1], value) for labels, value in told(metrics, "spam_drift_texts").items()} == {
        ("label", 1),
        ("length", 1),
    }


def test_a_sketch_is_of_the_last_hour_or_of_more_where_that_has_few_texts():
    sketch = Sketch()
    for _ in range(MIN_CALLS):
        sketch.add({"label": "ham"}, now=0)
    sketch.add({"label": "spam"}, now=WINDOW)
    assert sketch.histograms(WINDOW - 1) == {"label": {"ham": MIN_CALLS, "spam": 1}}
    assert sketch.histograms(WINDOW) == {"label": {"ham": MIN_CALLS, "spam": 1}}, "one text alone says nothing"
    for _ in range(MIN_CALLS):
        sketch.add({"label": "spam"}, now=WINDOW + PART)
    assert sketch.histograms(WINDOW + PART) == {"label": {"spam": MIN_CALLS + 1}}
    assert sketch.histograms(WINDOW + PART + LONGEST) == {}
