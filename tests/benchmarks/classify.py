"""How long a loaded version takes for one text and for many, in a process of its own.

    python -P tests/benchmarks/classify.py ARTIFACT SECONDS < TEXTS

imports `registry` from the folder that PYTHONPATH names, so another commit's code is measured by this same file. TEXTS
is a JSON list. Prints JSON: the median milliseconds of the processor for one text, and for all of them in one call.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path


def median(classify: Callable[[list[str]], object], calls: Iterable[list[str]], seconds: float) -> float:
    """The median milliseconds of a call, over so many seconds of calls and three at least."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    for texts in calls:
        start = time.process_time()
        classify(texts)
        times.append(time.process_time() - start)
        if len(times) >= 3 and time.perf_counter() > end:
            break
    return statistics.median(times) * 1e3


def main() -> None:
    from registry.model.artifact import Artifact

    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    texts = json.load(sys.stdin)
    classify = Artifact.load(folder).classify
    classify(texts)
    one = median(classify, cycle([text] for text in texts), seconds)
    print(json.dumps({"one": one, "many": median(classify, cycle([texts]), seconds)}))


if __name__ == "__main__":
    main()
