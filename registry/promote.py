"""Move the alias `champion`: promote a version that passes the gate, choose the first champion, roll back.

Every change is recorded as an event, and a rollback reads the events.
"""

import json

from registry.description import describe
from registry.errors import RegistryError
from registry.events import history, record
from registry.gate import TestResult, Thresholds, Verdict, judge
from registry.lock import ChangedMeanwhile, changing, check_unchanged
from registry.model.evaluation import EvaluationDetails, read_predictions
from registry.notify import PROMOTE, REFUSE, ROLLBACK, notify
from registry.versions import ADMITTED, CHAMPION, Registry, Version

CHALLENGER = "challenger"
OVERTAKEN = "overtaken"  # the event of a change that was not made, since somebody else changed the registry first


class Refused(Exception):
    """The gate refused the version; nothing was changed."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        failed = ", ".join(check.name for check in verdict.checks if not check.passed)
        super().__init__(f"version {verdict.candidate} was not promoted: {failed}")


def read_test_result(registry: Registry, version: Version) -> TestResult:
    """A version's test result, read from the evaluation in its artifact. Raises RegistryError when it has none."""
    with registry.evaluation(version) as folder:
        metrics = json.loads((folder / "metrics.json").read_text())
        details = EvaluationDetails.read(folder / "details.json")
        rows = read_predictions(folder, details).sort_values("id")
    columns = (rows[name].to_numpy(dtype=object).astype(str) for name in ("id", "actual", "predicted"))
    return TestResult(version.number, metrics, *columns, frozenset(details.inapplicable))


def promote(registry: Registry, ref: str, thresholds: Thresholds, why: str | None = None) -> Verdict | None:
    """Make REF the champion and the former champion the challenger.

    Returns None if REF is an admitted champion already.
    The candidate is compared with the last admitted champion. If somebody moved the alias without `promote`, that is
    not the version that has the alias now, and REF is judged even if it has the alias.
    A candidate trained on the corpus is not compared with a champion trained on a stand-in.
    `why` is the reason for promoting a version that fails the gate; it is recorded.
    Raises Refused, UnknownVersion, ChangedMeanwhile, RegistryError; then no alias has moved.
    """
    version = registry.resolve(ref)
    before = _aliases(registry)
    if version.number == before.get(CHAMPION) and version.admitted:
        return None
    champion = _last_admitted(registry, before.get(CHAMPION))
    verdict = _judge(registry, champion, version, thresholds)
    registry.tag(version, "verdict", json.dumps(verdict.as_dict()))
    describe(registry, version, registry.card(version), verdict)
    if not verdict.passed and why is None:
        failed = [check.name for check in verdict.checks if not check.passed]
        notify(REFUSE, {"version": version.number, "variant": version.variant, "failed": failed})
        raise Refused(verdict)
    after = before | {CHAMPION: version.number}
    if champion and champion.number != version.number:
        after[CHALLENGER] = champion.number
    _change(registry, "promote" if verdict.passed else "force", before, after, why, admitted=version)
    told = {"version": version.number, "variant": version.variant, "before": before.get(CHAMPION), "why": why}
    notify(PROMOTE, told | {"gate": "passed" if verdict.passed else "failed"})
    return verdict


def verdict_today(registry: Registry, version: Version, thresholds: Thresholds) -> Verdict:
    """What `promote` would judge now; nothing is changed. Raises RegistryError."""
    return _judge(registry, _last_admitted(registry, _aliases(registry).get(CHAMPION)), version, thresholds)


def _judge(registry: Registry, champion: Version | None, version: Version, thresholds: Thresholds) -> Verdict:
    compared = read_test_result(registry, champion) if champion and not _ends_stand_in(champion, version) else None
    return judge(compared, read_test_result(registry, version), thresholds)


def _last_admitted(registry: Registry, number: str | None) -> Version | None:
    """The champion `number`, or where it was never admitted the champion of the newest event; None for none."""
    versions = {version.number: version for version in registry.versions()}
    if number and versions[number].admitted:
        return versions[number]
    recorded = (event["after"].get(CHAMPION) for event in reversed(history(registry)) if event["what"] != "route")
    return next((versions[number] for number in recorded if number in versions and versions[number].admitted), None)


def initialise(registry: Registry, thresholds: Thresholds) -> dict[str, str]:
    """Where there is no champion, make the best version the champion and the second best the challenger.

    The best has the highest MCC over the test messages of all corpora; of versions whose MCC is the same to two
    digits, it is the older one, since a newer one has to earn its place. Versions of the corpus itself are better than
    those of a stand-in for it, and take their aliases. The best version of each variant that has no alias then gets
    the variant's name for one, so that it is served beside them. Returns the aliases afterwards, {alias: number}.
    Raises Refused when the best version does not pass the gate.
    """
    ranked = sorted(registry.versions(), key=_rank)
    if not ranked:
        raise RegistryError(f"{registry.model_name} has no version yet; `dvc repro` registers them")
    champion = _holder(ranked, CHAMPION)
    if champion and not _ends_stand_in(champion, ranked[0]):
        return _aliases(registry)
    promote(registry, ranked[0].number, thresholds)
    promoted = _aliases(registry)
    wanted = dict(promoted)
    challenger = _holder(registry.versions(), CHALLENGER)
    if len(ranked) > 1 and (challenger is None or _ends_stand_in(challenger, ranked[1])):
        wanted[CHALLENGER] = ranked[1].number
    served = {version.variant for version in ranked if version.number in wanted.values()}
    for version in reversed(ranked):  # the best of a variant comes last
        if version.variant not in served:
            wanted[version.variant] = version.number
    if wanted != promoted:
        _change(registry, "init", promoted, wanted, None)
    return _aliases(registry)


def _rank(version: Version) -> tuple[bool, float, int]:
    """Sort key, best version first. A version from before there were several corpora has only `mcc`."""
    metrics = version.metrics
    mcc = metrics.get("mcc_all_corpora", metrics.get("mcc", -1.0))
    return bool(version.stand_in), -round(mcc, 2), int(version.number)


def best(versions: list[Version]) -> Version:
    """The one that `initialise` would make champion."""
    return min(versions, key=_rank)


def _holder(versions: list[Version], alias: str) -> Version | None:
    return next((version for version in versions if alias in version.aliases), None)


def _ends_stand_in(before: Version, after: Version) -> bool:
    """Whether a version of the corpus itself takes the place of one that was trained on a stand-in for it."""
    return bool(before.stand_in) and not after.stand_in


def rollback(registry: Registry) -> dict[str, str]:
    """Undo the newest promotion that is not undone yet. Returns the aliases afterwards, {alias: number}.

    Raises RegistryError when there is no such promotion.
    """
    undone: set[str] = set()
    for event in reversed(history(registry)):
        if event["what"] == "rollback":
            undone.add(event["undoes"])
        elif event["what"] in ("promote", "force") and event["at"] not in undone and CHAMPION in event["before"]:
            now = _aliases(registry)
            earlier = now | {alias: event["before"].get(alias) for alias in (CHAMPION, CHALLENGER)}
            _change(registry, "rollback", now, earlier, None, undoes=event["at"])
            notify(ROLLBACK, {"version": earlier[CHAMPION], "before": now.get(CHAMPION)})
            return _aliases(registry)
    raise RegistryError("no promotion to roll back")


def _aliases(registry: Registry) -> dict[str, str]:
    return {alias: version.number for version in registry.versions() for alias in version.aliases}


def _change(
    registry: Registry,
    what: str,
    before: dict[str, str],
    after: dict[str, str | None],
    why: str | None,
    admitted: Version | None = None,
    **extra: str,
) -> None:
    """Record the event and move the aliases; one that has no number in `after` is removed.

    The version `admitted` may be champion from now on. Raises ChangedMeanwhile where the aliases are no longer those of
    `before`; the event then says that the change was not made.
    """
    after = {alias: number for alias, number in after.items() if number}
    with changing(registry):
        now = _aliases(registry)
        try:
            check_unchanged(before, now)
        except ChangedMeanwhile:
            record(registry, OVERTAKEN, now, now, f"{what}, champion {after.get(CHAMPION)}: not done")
            raise
        record(registry, what, before, after, why, **extra)
        if admitted:
            registry.tag(admitted, ADMITTED, json.dumps({"what": what, "why": why}))
        registry.point(before, after)
