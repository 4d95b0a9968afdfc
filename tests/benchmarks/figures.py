"""Figures that were kept, found by their names and compared with ours."""

from collections.abc import Iterable

from tests.benchmarks.results import OURS, Measured, Part

HIGHER = ("requests/s",)  # the units of which more is better


class Figures:
    """All figures of all parts."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._found = {(one.table, one.row, one.subject, one.unit): one for part in parts for one in part.figures}

    def find(self, table: str, row: str, subject: str, unit: str) -> Measured | None:
        """None where it was not measured in every round, or where requests of that row failed in any."""
        found, errors = (self._found.get((table, row, subject, one)) for one in (unit, "errors"))
        if found and errors and (any(errors.values) or len(found.values) < len(errors.values)):
            return None
        return found

    def median(self, table: str, row: str, subject: str, unit: str) -> float | None:
        found = self.find(table, row, subject, unit)
        return found.median if found else None

    def errors(self, table: str, row: str, subject: str) -> int:
        found = self._found.get((table, row, subject, "errors"))
        return int(sum(found.values)) if found else 0

    def ratio(self, table: str, row: str, subject: str, unit: str, ours_in: str | None = None) -> float | None:
        """How many times as good ours is, by the medians; `ours_in` is the table of ours where it is another one."""
        ours, theirs = self.median(ours_in or table, row, OURS, unit), self.median(table, row, subject, unit)
        if not ours or not theirs:
            return None
        return ours / theirs if unit in HIGHER else theirs / ours

    def rows(self, table: str) -> list[str]:
        return list(dict.fromkeys(row for own, row, _, _ in self._found if own == table))

    def subjects(self, table: str) -> list[str]:
        """Ours first, then the others in the order in which they were measured."""
        subjects = dict.fromkeys(subject for own, _, subject, _ in self._found if own == table)
        return sorted(subjects, key=lambda subject: subject != OURS)

    def units(self, table: str) -> list[str]:
        return list(dict.fromkeys(unit for own, _, _, unit in self._found if own == table))
