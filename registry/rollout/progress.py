"""What a rollout prints: a line for each look, or a JSON object; a terminal shows the newest look alone."""

import json
import sys
from dataclasses import asdict
from typing import Any, TextIO

from rich.live import Live
from rich.text import Text

from registry import output
from registry.markdown import console
from registry.rollout.comparison import Comparison
from registry.rollout.figures import Figures
from registry.rollout.plan import Pair, Plan


class Progress:
    """Prints to `out` as the rollout goes on; `as_json` for programs."""

    def __init__(self, as_json: bool, out: TextIO | None = None) -> None:
        self.as_json, self.out = as_json, out or sys.stdout
        self._live = Live(console=console(), auto_refresh=False) if not as_json and self.out.isatty() else None
        self._noted = ""
        self._step, self._plan = 0, None

    def step(self, step: int, plan: Plan) -> None:
        self._step, self._plan = step, plan
        share = plan.steps[step]
        text = f"step {step + 1} of {len(plan.steps)}: {plan.alias} {share:g}%, for {duration(plan.hold)}"
        self._say(text, {"what": "step", "step": step + 1, "share": share})

    def look(self, held: float, comparison: Comparison) -> None:
        """`held` is the seconds of this step so far."""
        if self.as_json:
            figures = {"candidate": comparison.candidate.as_dict(), "champion": comparison.champion.as_dict()}
            figures["champion"]["earlier"] = comparison.earlier
            return self._say("", {"what": "look", "step": self._step + 1, "held": round(held, 1), **figures})
        name = "earlier champion" if comparison.earlier else "champion"
        lines = [_short(self._plan.alias, comparison.candidate), _short(name, comparison.champion)]
        if self._live:
            self._live.start()
            lines.insert(0, f"{duration(held)} of {duration(self._plan.hold)}")
            return self._live.update(Text("\n".join(lines)), refresh=True)
        self._say(f"{duration(held)}: {' | '.join(lines)}", {})

    def note(self, text: str) -> None:
        """Something that is not as it should be, once in a row."""
        if text != self._noted:
            self._say(text, {"what": "note", "text": text})
        self._noted = text

    def promoted(self, number: str) -> None:
        self._say(f"version {number} is champion", {"what": "promoted", "version": number})

    def stopped(self, why: str, alias: str) -> None:
        """In JSON only: people read it as the command's error."""
        if self.as_json:
            self._say("", {"what": "stopped", "alias": alias, "why": why})

    def end(self) -> None:
        """Leave the lines that a terminal shows as they are."""
        if self._live:
            self._live.stop()

    def _say(self, text: str, fields: dict[str, Any]) -> None:
        if self._live:
            self._live.console.print(Text(text))
        else:
            print(json.dumps(fields) if self.as_json else text, file=self.out, flush=True)


def print_plan(
    plan: Plan, pair: Pair, candidate: Figures, champion: Figures, problems: list[str], quality: bool, as_json: bool
) -> None:
    """What a rollout would do, the figures of the two versions so far, and why it cannot begin."""
    if as_json:
        versions = {"candidate": pair.candidate.number, "champion": pair.champion.number}
        figures = {"candidate": candidate.as_dict(), "champion": champion.as_dict()}
        settings = asdict(plan) | {"look_every": plan.look_every, "levels": plan.levels._asdict()}
        return output.print_json({"plan": settings, "versions": versions, "figures": figures, "problems": problems})
    limits = plan.limits
    steps = ", ".join(f"{step:g}%" for step in plan.steps)
    print(f"{plan.alias}, version {pair.candidate.number}, against the champion, version {pair.champion.number}")
    print(f"steps       {steps}, then promotion by the gate")
    print(f"each for    {duration(plan.hold)}, a look every {duration(plan.look_every)}")
    print(f"and until   {plan.calls} calls of each version, {duration(plan.wait)} more at most")
    print("stops on    more errors than the champion has")
    print(f"            {limits.latency:g} times the champion's median or 99th percentile of time")
    print(f"            a label's share {limits.labels:.0%} from the champion's")
    print(f"            {'less spam caught or more ham blocked in live quality' if quality else '(no live quality)'}")
    print(f"            nothing seen of it for {duration(plan.timeout)}; alias or routing changed by somebody")
    print(f"now         {_short(plan.alias, candidate)}")
    print(f"            {_short('champion', champion)}")
    for problem in problems:
        print(f"cannot begin: {problem}")


def duration(seconds: float) -> str:
    """`3.5 s`, `45 s`, `12 min`, `1:30 min` or `2:05 h`."""
    if seconds < 59.5:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min" if rest else f"{minutes} min"
    return f"{minutes // 60}:{minutes % 60:02} h"


def _short(name: str, figures: Figures) -> str:
    """`challenger 120 calls, 0 errors, p99 4 ms, 13% spam`; the label is the one that sorts last, as spam after ham."""
    parts = [f"{name} {figures.calls:,} calls", f"{figures.errors:,} errors"]
    if (p99 := figures.quantile(0.99)) is not None:
        parts.append(f"p99 {p99 * 1e3:,.0f} ms")
    if figures.texts:
        label = max(figures.labels)
        parts.append(f"{figures.labels[label] / figures.texts:.0%} {label}")
    return ", ".join(parts)
