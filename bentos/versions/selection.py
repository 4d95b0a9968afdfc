"""Which registered versions are served: the setting SERVED_VERSIONS.

| value | versions |
| --- | --- |
| aliases | every version that has an alias |
| latest:N | those, and the N newest |
| all | every version |
| a list, as 3,champion | exactly these numbers and aliases |
"""

from datetime import UTC, datetime

from registry.versions import Version

ALIASES, ALL, LATEST = "aliases", "all", "latest:"


def select(versions: list[Version], policy: str) -> list[Version]:
    """The versions that `policy` asks for, in the order given, which is newest first."""
    if policy == ALL:
        return versions
    if policy == ALIASES or policy.startswith(LATEST):
        newest = int(policy.removeprefix(LATEST)) if policy != ALIASES else 0
        return [version for i, version in enumerate(versions) if i < newest or version.aliases]
    refs = _listed(policy)
    return [version for version in versions if not refs.isdisjoint({version.number, *version.aliases})]


def unknown(versions: list[Version], policy: str) -> list[Version]:
    """A placeholder with a problem for each number or alias that a list names and the registry lacks.

    Such a placeholder is refused when the catalogue is loaded, so that the mistake is visible.
    """
    if policy in (ALIASES, ALL) or policy.startswith(LATEST):
        return []
    known = {ref for version in versions for ref in (version.number, *version.aliases)}
    problem = "SERVED_VERSIONS names it, and the registry has no such version or alias"
    return [Version(ref, (), "", "", datetime.now(UTC), {}, problem=problem) for ref in sorted(_listed(policy) - known)]


def _listed(policy: str) -> set[str]:
    return {ref.strip() for ref in policy.split(",")} - {""}
