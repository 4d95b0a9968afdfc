"""A stand-in model for MOCK_MODEL=1: the whole API without training or a registry. Its answers mean nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bentos.versions.loaded import LoadedVersion, ServedVersions
from registry.model.artifact import Prediction
from registry.model.decision import MostProbable
from registry.versions import CHAMPION, Version

SPAM_WORDS = ("free", "win", "prize", "cash", "claim", "urgent", "offer", "http", "!")


class MockModel:
    """Counts words that are common in spam."""

    labels = ("ham", "spam")
    decision = MostProbable()

    def classify(self, texts: Sequence[str]) -> list[Prediction]:
        return [Prediction({"ham": round(1 - spam, 6), "spam": spam}) for spam in map(_probability, texts)]

    classify_each = classify

    def unknown_share(self, text: str) -> None:
        """It has no vocabulary."""


def mock_versions() -> ServedVersions:
    """The mock as the champion. Every answer that it gives is marked with `"mock": true`."""
    version = Version("mock", (CHAMPION,), "", "mock", datetime.now(UTC), {})
    return ServedVersions((LoadedVersion(version, MockModel(), mock=True),))


def _probability(text: str) -> float:
    count = sum(word in text.lower() for word in SPAM_WORDS)
    return min(0.05 + 0.3 * count, 0.95)
