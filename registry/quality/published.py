"""The newest live quality as a tag of the registered model: `quality --publish` writes it, services show it.

It has the figures that may be acted on: those of the unbiased sample of labels, and the estimate without labels.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, FiniteFloat, ValidationError

TAG = "quality"
MAX_CHARACTERS = 5000  # of a tag: the column of MLflow's database

Measure = Literal["caught", "blocked", "calibration_error", "estimated_caught", "estimated_blocked"]
Bound = Literal["low", "value", "high"]


class LiveQuality(BaseModel):
    """When the calls of the `hours` before were judged, and the figures by version key, measure and bound.

    What was not measured is absent. `low` and `high` are the 95 % interval's.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    measured_at: AwareDatetime
    hours: FiniteFloat
    versions: dict[str, dict[Measure, dict[Bound, FiniteFloat]]]

    def to_tag(self) -> str:
        """As JSON, without the last versions where it would be too long for a tag."""
        kept = dict(self.versions)
        while len(text := self.model_copy(update={"versions": kept}).model_dump_json()) > MAX_CHARACTERS:
            kept.popitem()
        return text

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> "LiveQuality | None":
        """From the registered model's tags; None where there is none, or one that another program wrote."""
        try:
            return cls.model_validate_json(tags[TAG])
        except (KeyError, ValidationError):
            return None
