"""Which version answers a call: the one that it names, or else the caller's own by the routing in force."""

from collections.abc import Collection
from typing import NoReturn

from bentos.errors import CallError
from bentos.monitoring import tracing
from bentos.monitoring.metrics import Metrics
from bentos.versions.loaded import LoadedVersion, ServedVersions
from registry.versions import CHAMPION

SHOWN_CHARACTERS, SHOWN_REFS = 50, 4  # of what a caller sent, in an error message


def choose(
    served: ServedVersions, refs: Collection[str], caller_id: str, metrics: Metrics
) -> tuple[str, LoadedVersion]:
    """The version that `refs`, the numbers and aliases that a call names, agree on; the caller's own if it names none.

    Comes with the alias that the routing chose, which is empty where the call names a version. Raises CallError:
    version_conflict, unknown_version, version_refused or not_ready.
    """
    with tracing.span("route") as span:
        alias, version = ("", named(served, refs)) if refs else routed(served, caller_id)
        if span:
            span.set_attributes({"spam.model_version": version.number, "spam.alias": alias})
    if alias:
        metrics.count_routed(alias)
    return alias, version


def routed(served: ServedVersions, caller_id: str) -> tuple[str, LoadedVersion]:
    """The alias and its version for a call that names none: the champion's where the routing's alias is not loaded."""
    alias = served.routing.alias(caller_id)
    if version := served.by_ref.get(alias):
        return alias, version
    if served.default is None:
        raise CallError("not_ready", served.why_no_champion)
    return CHAMPION, served.default


def named(served: ServedVersions, refs: Collection[str]) -> LoadedVersion:
    """The version that all `refs`, at least one, name. Raises CallError."""
    versions = {ref: served.by_ref.get(ref) for ref in refs}
    if len({version.number if version else ref for ref, version in versions.items()}) > 1:
        raise CallError("version_conflict", f"the call names different versions: {_quoted(versions)}")
    ref, version = next(iter(versions.items()))
    return version or _raise_missing(served, ref)


def _raise_missing(served: ServedVersions, ref: str) -> NoReturn:
    for refused in served.refused:
        if ref == refused.number or ref in refused.aliases:
            raise CallError("version_refused", f"version {ref} cannot be served: {refused.problem}")
    if ref == CHAMPION or not served.versions:
        raise CallError("not_ready", served.why_no_champion)
    known = ", ".join(" = ".join((v.number, *v.aliases)) for v in served.versions)
    raise CallError("unknown_version", f"no version {_quoted([ref])} is served; there are: {known}")


def _quoted(refs: Collection[str]) -> str:
    return ", ".join(repr(ref[:SHOWN_CHARACTERS]) for ref in list(refs)[:SHOWN_REFS])
