"""The gate's thresholds, read from params.yaml."""

from pathlib import Path

from registry.errors import RegistryError
from registry.gate import Thresholds


def thresholds_from(params: Path) -> Thresholds:
    """The section `gate` of params.yaml, with its corpora. Raises RegistryError, pydantic.ValidationError."""
    import yaml

    try:
        content = yaml.safe_load(params.read_text())
        needed = [corpus["name"] for corpus in content.get("corpora", []) if not corpus.get("optional")]
        return Thresholds.model_validate(content["gate"] | {"corpora": needed})
    except (OSError, KeyError) as error:
        raise RegistryError(f"no thresholds for the gate in {params}: {error}") from error
