"""Calls of one moment share a run of the model, and nothing else."""

import asyncio
from pathlib import Path

import pytest

from bentos.answering.batcher import CALLS, Batcher
from registry.model.artifact import Artifact
from tests.toy import write_toy

pytestmark = pytest.mark.anyio


class Shouting:
    """A model that notes its runs, and cannot read `bad`."""

    def __init__(self):
        self.runs = []

    def classify_each(self, texts):
        self.runs.append(list(texts))
        if "bad" in texts:
            raise ValueError("cannot read it")
        return [text.upper() for text in texts]


async def test_the_calls_of_one_turn_share_a_run_and_each_gets_its_own():
    model, other, batcher = Shouting(), Shouting(), Batcher()
    calls = [batcher.run(model, ["a"]), batcher.run(other, ["b"]), batcher.run(model, ["c", "d"])]
    assert await asyncio.gather(*calls) == [["A"], ["B"], ["C", "D"]]
    assert (model.runs, other.runs) == ([["a", "c", "d"]], [["b"]])
    assert await batcher.run(model, ["e"]) == ["E"]


async def test_more_calls_than_fit_are_run_in_the_turns_after():
    model, batcher = Shouting(), Batcher()
    texts = [str(i) for i in range(2 * CALLS + 1)]
    answers = await asyncio.gather(*(batcher.run(model, [text]) for text in texts))
    assert answers == [[text] for text in texts]
    assert list(map(len, model.runs)) == [CALLS, CALLS, 1]


async def test_long_texts_leave_turns_to_others():
    model, batcher = Shouting(), Batcher()
    await asyncio.gather(*(batcher.run(model, [letter * 1_900]) for letter in "abcdefghij"))
    assert [sum(map(len, texts)) for texts in model.runs] == [7_600, 7_600, 3_800]


async def test_a_call_that_fails_or_is_cancelled_harms_no_other():
    model, batcher = Shouting(), Batcher()
    good, bad, cancelled, last = (batcher.run(model, [text]) for text in ("a", "bad", "c", "d"))
    cancelled.cancel()
    assert (await good, await last) == (["A"], ["D"])
    with pytest.raises(ValueError, match="cannot read it"):
        await bad
    assert model.runs == [["a", "bad", "d"], ["a"], ["bad"], ["d"]]


async def test_an_answer_is_the_same_to_the_last_bit_whoever_else_calls(tmp_path: Path):
    write_toy(tmp_path, -1.0)
    model, batcher = Artifact.load(tmp_path), Batcher()
    texts = ["free prize", "a", "x " * 200, "win £100 now at www.example.com"]
    together = await asyncio.gather(*(batcher.run(model, [text]) for text in texts))
    assert together == [model.classify([text]) for text in texts]
