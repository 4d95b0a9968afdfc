"""The libraries that draw `dvc plots show`, as one file, so that its page needs no network.

    python -m pipelines.vega OUT

writes Vega, Vega-Lite and Vega-Embed as a script. The template of the page, .dvc/plots.html, loads it.
"""

import argparse
from pathlib import Path

import vl_convert

from registry import command

VEGA_LITE = "5.21"  # DVC's plots are of version 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="example: python -m pipelines.vega build/vega.js"
    )
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    args.out.write_text(vl_convert.javascript_bundle(vl_version=VEGA_LITE), encoding="utf-8")


if __name__ == "__main__":
    command.run(main)
