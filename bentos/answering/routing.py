"""Which version answers a call."""

from collections.abc import Collection

from bentos.errors import CallError
from bentos.http.state import State
from bentos.monitoring import tracing
from bentos.versions.loaded import DEFAULT, Loaded, Served


def choose(state: State, refs: Collection[str], caller_id: str) -> Loaded:
    """The version that `refs`, the numbers and aliases that a call names, agree on; the caller's own for none.

    Raises CallError: 400 when they disagree, 404 for a version that does not exist, 503 for one that should be served
    and is not.
    """
    with tracing.span("route") as span:
        alias, version = (None, named(state.served, refs)) if refs else routed(state.served, caller_id)
        if span:
            span.set_attributes({"spam.model_version": version.number, "spam.alias": alias or ""})
    if alias:
        state.metrics.routed.labels(alias).inc()
    return version


def routed(served: Served, caller_id: str) -> tuple[str, Loaded]:
    """The alias and the version for a caller who names none: the champion where the routing's alias is not loaded."""
    alias = served.routing.alias(caller_id)
    if version := served.by_ref.get(alias):
        return alias, version
    if served.default is None:
        raise CallError(503, "not_ready", served.why_not_ready)
    return DEFAULT, served.default


def named(served: Served, refs: Collection[str]) -> Loaded:
    """The version that all `refs`, at least one, name. Raises CallError."""
    found = {ref: served.by_ref.get(ref) for ref in refs}
    if len({version.number if version else ref for ref, version in found.items()}) > 1:
        raise CallError(400, "version_conflict", f"the call names different versions: {_listed(found)}")
    ref, version = next(iter(found.items()))
    return version or _missing(served, ref)


def _missing(served: Served, ref: str) -> Loaded:
    for refused in served.refused:
        if ref == refused.number or ref in refused.aliases:
            raise CallError(503, "version_refused", f"version {ref} cannot be served: {refused.why}")
    if ref == DEFAULT or not served.versions:
        raise CallError(503, "not_ready", served.why_not_ready)
    known = ", ".join(" = ".join((v.number, *v.aliases)) for v in served.versions)
    raise CallError(404, "unknown_version", f"no version {_listed([ref])} is served; there are: {known}")


def _listed(refs: Collection[str]) -> str:
    return ", ".join(repr(ref[:50]) for ref in list(refs)[:4])  # what a caller sent is echoed within bounds
