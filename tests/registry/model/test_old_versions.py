"""A version that an older state of this code made is read as before: `golden/` is one of the first format.

It answers the same bytes, so that a rollback across a change of how texts are read needs nothing but the registry.
"""

import json
from pathlib import Path

import pytest

from registry.model.artifact import Artifact
from registry.model.explain import explain

GOLDEN = Path(__file__).parent / "golden"
ANSWERS = json.loads((GOLDEN / "answers.json").read_text())


@pytest.fixture(scope="module")
def golden():
    return Artifact.load(GOLDEN)


def test_an_older_version_answers_the_same_bytes(golden):
    assert golden.predict([answer["text"] for answer in ANSWERS]) == [answer["prediction"] for answer in ANSWERS]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer["text"][:20])
def test_an_older_version_is_explained_as_before(golden, answer):
    explained = [[word, round(weight, 6)] for word, weight in explain(golden, answer["text"])]
    assert explained == answer["explanation"]
