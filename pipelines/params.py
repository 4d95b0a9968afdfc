"""params.yaml as typed, frozen models. An unknown or missing key or a value out of range is an error that names it."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class ParamsError(SystemExit):
    """The parameters cannot be used; the message says which and why. If nobody catches it, the command prints it."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Corpus(Section):
    path: Path
    label: str
    text: str
    positive: str
    source: str = ""


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
    scheme: Literal["words", "shapes"]
    max_words: Annotated[int, Field(ge=0)] | None
    max_tokens: Count
    min_count: Count
    buckets: Annotated[int, Field(ge=0)]


class Wide(Section):
    seed: int
    regularisation: Annotated[float, Field(gt=0)]
    folds: Annotated[int, Field(ge=2)]


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


class Variant(Section):
    """A wide part, a network with its training, or both."""

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


class Evaluate(Section):
    seed: int
    resamples: Count
    bins: Count
    mistakes: Count


class Params(Section):
    corpus: Corpus
    prepare: Prepare
    validate_: Validate = Field(alias="validate")
    variants: Annotated[dict[str, Variant], Field(min_length=1)]
    search: dict[str, Variant]
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
        errors = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ParamsError(f"{path}: {'; '.join(errors)}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: it is not UTF-8
        raise ParamsError(f"{path}: {' '.join(str(error).split())}") from error


def variant(name: str, path: Path = Path("params.yaml")) -> Variant:
    """The variant `name` of `path`. Raises ParamsError where there is none."""
    variants = load(path).variants
    if name not in variants:
        raise ParamsError(f"{path}: no variant {name!r}; there are: {', '.join(variants)}")
    return variants[name]
