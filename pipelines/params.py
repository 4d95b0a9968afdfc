"""params.yaml as typed, frozen models. An unknown or missing key or a value out of range is an error that names it."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
FEEDBACK = "feedback"  # the source of callers' corrections in the tables of messages


class ParamsError(SystemExit):
    """The parameters cannot be used; the message says which and why. If nobody catches it, the command prints it."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Corpus(Section):
    """One file of messages, which `pipelines.data.corpus` reads.

    `labels` maps labels of the file to those used here, and `part` and `kind` name columns. A corpus `outside` is
    measured and never trained on, and one that is `optional` may be missing.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]  # a part of the names of metrics
    path: Path
    label: str = "label"
    text: str = "text"
    labels: dict[str, str] = {}
    part: str | None = None
    kind: str | None = None
    role: Literal["train", "outside"] = "train"
    optional: bool = False
    language: str = "en"
    source: str = ""
    licence: str = ""
    years: str | int = ""

    @model_validator(mode="after")
    def check_name_and_role(self) -> "Corpus":
        if self.name == FEEDBACK:
            raise ValueError(f"{FEEDBACK!r} is the source of callers' corrections, so no corpus has this name")
        if self.optional and self.role == "train":
            raise ValueError("only a corpus outside may be optional: what is trained on must not depend on the machine")
        return self


class Prepare(Section):
    seed: int
    test: Annotated[float, Field(gt=0, le=0.5)]
    validation: Annotated[float, Field(gt=0, le=0.5)]
    twin_similarity: Annotated[float, Field(gt=0, le=1)]
    feedback: Path


class Validate(Section):
    min_rows: Count
    min_label_share: Share
    min_unique_share: Share
    max_broken_share: Share


class Tokens(Section):
    scheme: Literal["words", "shapes", "spans"]
    max_words: Annotated[int, Field(ge=0)] | None
    max_tokens: Count
    min_count: Count
    buckets: Annotated[int, Field(ge=0)]


class Wide(Section):
    seed: int
    regularisation: Annotated[float, Field(gt=0)]
    folds: Annotated[int, Field(ge=2)]
    weights: dict[str, Annotated[float, Field(gt=0)]] = {}  # corpus -> weight of its messages in calibration, else 1


class LSTM(Section):
    embedding: Count
    embedding_dropout: Share
    units: Count
    bidirectional: bool
    dropout: Share
    recurrent_dropout: Share
    pooling: Literal["last", "max"]
    output_dropout: Share


class Training(Section):
    seed: int
    epochs: Count
    batch: Count
    learning_rate: Annotated[float, Field(gt=0)]
    decay: Literal["none", "linear"]
    word_dropout: Share
    wide_dropout: Share = 0.0


class Variant(Section):
    """A wide part, a network with its training, or both; trained on `corpora`, or on all of role `train`.

    `slots` is the share of names that vary in training. Without an `operating_point` the most probable label is
    answered. `temperature` divides the logits of the trained model (Guo et al., 2017).
    """

    corpora: Annotated[list[str], Field(min_length=1)] | None = None
    slots: Share = 0.0
    operating_point: bool = True
    temperature: Annotated[float, Field(gt=0)] = 1.0
    tokens: Tokens
    wide: Wide | None
    network: LSTM | None  # the kind of network; `pipelines.model.network` has its module
    training: Training | None

    @model_validator(mode="after")
    def check_parts(self) -> "Variant":
        if bool(self.network) != bool(self.training):
            raise ValueError("network and training go together")
        if not (self.network or self.wide):
            raise ValueError("a variant has a network, a wide part or both")
        if bool(self.wide) != (self.tokens.buckets > 1):
            raise ValueError("a wide part needs tokens.buckets, and nothing else does")
        if bool(self.network) == (self.tokens.max_words == 0):
            raise ValueError("a network needs a vocabulary, and nothing else does: tokens.max_words")
        return self

    @property
    def sources(self) -> list[str] | None:
        """The sources, in the tables of messages, of what it is trained on; None for all of them."""
        return self.corpora and [*self.corpora, FEEDBACK]


class DecisionBounds(Section):
    """How the operating point is chosen on validation messages; `pipelines.measure.operating_point` explains it."""

    blocked: dict[str, Share]  # by corpus; `default` for those that are not named
    surely_blocked: Share
    missed: Share
    thresholds: tuple[Share, Share]
    unfamiliar: Share

    @field_validator("blocked")
    @classmethod
    def check_default(cls, blocked: dict[str, float]) -> dict[str, float]:
        if "default" not in blocked:
            raise ValueError("needs a bound named `default`")
        return blocked


class Evaluate(Section):
    seed: int
    resamples: Count
    bins: Count
    mistakes: Count


class Params(Section):
    positive: str  # the label to catch; the others must not be blocked
    corpora: Annotated[list[Corpus], Field(min_length=1)]  # the first is the main corpus
    prepare: Prepare
    validate_: Validate = Field(alias="validate")
    variants: Annotated[dict[str, Variant], Field(min_length=1)]
    search: dict[str, Variant]
    decision: DecisionBounds
    evaluate: Evaluate
    gate: dict  # checked and used by `registry.gate`

    @field_validator("search", mode="before")
    @classmethod
    def complete(cls, written: Any, info: ValidationInfo) -> dict[str, Any]:
        """A candidate is written as the name of a variant (`of`) and the parameters that it changes; make it whole."""
        if not isinstance(written, dict) or (variants := info.data.get("variants")) is None:
            return written or {}  # pydantic reports the error
        candidates = {}
        for name, changes in written.items():
            if not isinstance(changes, dict) or (of := changes.get("of")) not in variants or name in variants:
                raise ValueError(f"{name}: needs a name of its own, and `of` one of: {', '.join(variants)}")
            candidates[name] = _merge(variants[of].model_dump(), {k: v for k, v in changes.items() if k != "of"})
        return candidates

    @model_validator(mode="after")
    def check_corpora(self) -> "Params":
        names = [corpus.name for corpus in self.corpora]
        if doubled := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"corpora: two have the name {', '.join(sorted(doubled))}")
        if self.main.role != "train":
            raise ValueError(f"corpora: the first, {self.main.name}, must have the role train")
        trained = [corpus.name for corpus in self.with_role("train")]
        for name, variant in self.candidates.items():
            if unknown := [named for named in variant.corpora or [] if named not in trained]:
                known = ", ".join(trained)
                raise ValueError(f"{name}.corpora: no corpus to train on is named {', '.join(unknown)}; there: {known}")
        return self

    @property
    def main(self) -> Corpus:
        """The corpus whose test split the figures that stand alone are measured on."""
        return self.corpora[0]

    def with_role(self, role: str) -> list[Corpus]:
        """The corpora of this role, in their order."""
        return [corpus for corpus in self.corpora if corpus.role == role]

    def trained_on(self, variant: Variant) -> list[str]:
        """The names of the corpora that the variant trains on."""
        return variant.corpora or [corpus.name for corpus in self.with_role("train")]

    def variant(self, name: str) -> Variant:
        """The variant of this name. Raises ParamsError where there is none."""
        if name not in self.variants:
            raise ParamsError(f"no variant {name!r}; there are: {', '.join(self.variants)}")
        return self.variants[name]

    @property
    def candidates(self) -> dict[str, Variant]:
        """Everything that can be cross-validated: the variants, and the search."""
        return self.variants | self.search


def _merge(whole: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`whole` with `changes` in it, section by section."""
    both = {
        key: _merge(whole[key], value)
        for key, value in changes.items()
        if isinstance(value, dict) and isinstance(whole.get(key), dict)
    }
    return whole | changes | both


def load(path: Path = Path("params.yaml")) -> Params:
    """Read `path`. Raises ParamsError, which names each wrong key."""
    try:
        return Params.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise ParamsError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        errors = (": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in error.errors())
        raise ParamsError(f"{path}: {'; '.join(errors)}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: it is not UTF-8
        raise ParamsError(f"{path}: {' '.join(str(error).split())}") from error


def variant(name: str, path: Path = Path("params.yaml")) -> Variant:
    """The variant `name` of `path`. Raises ParamsError where there is none."""
    return load(path).variant(name)
