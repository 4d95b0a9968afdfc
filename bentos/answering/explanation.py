"""Explains an answer: which words pushed the text towards its label."""

from bentos.answering.model_pool import IsGone, ModelPool
from bentos.errors import CallError
from bentos.versions.loaded import LoadedVersion
from registry.model.artifact import Artifact
from registry.model.explain import leave_out, weigh


class Explanation:
    """The explanation of one text. `cost` is the number of texts that the model predicts for it, up to 65."""

    def __init__(self, version: LoadedVersion, text: str) -> None:
        """Raises CallError (no_explanation) for the mock."""
        if not isinstance(version.model, Artifact):
            raise CallError("no_explanation", "a stand-in model has no reasons: call without `explain`")
        self._artifact = version.model
        self._text = text
        self.cost = len(leave_out(text)[1])

    async def weights(self, pool: ModelPool, is_gone: IsGone | None = None) -> list[tuple[str, float]]:
        """The words with their weights, in the text's order. Raises what `ModelPool.turn` and `ModelPool.run` raise."""
        async with pool.turn():
            words, texts = leave_out(self._text)  # now: those of all who wait would take much memory
            return weigh(words, await pool.run(self._artifact.probabilities, texts, is_gone), self._artifact)
