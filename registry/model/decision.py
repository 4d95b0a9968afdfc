"""From probabilities to an answer: a version's operating point, kept in its artifact and applied wherever it answers.

The most probable label is not what a filter should say: blocking a wanted message costs more than missing a spam. So a
version has a threshold, chosen on validation messages for a bound on how many of the others it blocks.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

UNSURE = "unsure"

Probability = Annotated[float, Field(ge=0, le=1)]


class Decision(BaseModel):
    """The operating point of a version.

    `positive` is answered where its probability is `threshold` or more. From `unsure_from` up to `unsure_to` the
    verdict is `unsure`. A text is unfamiliar where its known share (`Artifact.run`) is less than `familiar`; 0 where
    that is not measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    positive: str
    threshold: Probability
    unsure_from: Probability
    unsure_to: Probability
    familiar: Probability = 0.0

    @model_validator(mode="after")
    def _in_order(self) -> "Decision":
        if not self.unsure_from <= self.threshold <= self.unsure_to:
            raise ValueError("the threshold lies outside the probabilities that are unsure")
        return self

    def label(self, prediction: Mapping[str, float]) -> str:
        """The answered label of {label: probability}."""
        if prediction[self.positive] >= self.threshold:
            return self.positive
        return max((label for label in prediction if label != self.positive), key=prediction.__getitem__)

    def verdict(self, prediction: Mapping[str, float]) -> str:
        """The answered label, or `unsure`."""
        unsure = self.unsure_from <= prediction[self.positive] < self.unsure_to
        return UNSURE if unsure else self.label(prediction)


class MostProbable:
    """The decision of a version without an operating point, as all were once: the most probable label, always sure."""

    threshold = 0.5  # of two labels
    familiar = 0.0

    def label(self, prediction: Mapping[str, float]) -> str:
        return max(prediction, key=prediction.__getitem__)

    verdict = label
