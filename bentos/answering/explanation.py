"""Explains an answer: which words pushed the text towards its label."""

import asyncio

from bentos.errors import CallError
from bentos.versions.loaded import LoadedVersion
from registry.model.artifact import Artifact
from registry.model.explain import explain


async def explain_text(version: LoadedVersion, text: str) -> list[tuple[str, float]]:
    """The words with their weights, in the text's order. In a thread, since the model runs once for each word.

    Raises CallError (no_explanation) for the mock.
    """
    if not isinstance(version.model, Artifact):
        raise CallError("no_explanation", "a stand-in model has no reasons: call without `explain`")
    return await asyncio.to_thread(explain, version.model, text)
