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
        self._words, self._texts = leave_out(text)
        self.cost = len(self._texts)

    async def weights(self, pool: ModelPool, is_gone: IsGone | None = None) -> list[tuple[str, float]]:
        """The words with their weights, in the text's order. Raises what `ModelPool.run` raises."""
        return weigh(self._words, await pool.run(self._artifact.probabilities, self._texts, is_gone))
