"""The libraries that draw `dvc plots show`, as one file, so that its page needs no network.

    python -m pipelines.vega OUT

writes Vega, Vega-Lite and Vega-Embed as a script. The template of the page, .dvc/plots.html, loads it.
"""

import vl_convert

from pipelines import stage
from registry import command

VEGA_LITE = "5.21"  # DVC's plots are of version 5


def main() -> None:
    args = stage.parse("vega", __doc__, "build/vega.js", out="the script to write")
    args.out.write_text(vl_convert.javascript_bundle(vl_version=VEGA_LITE), encoding="utf-8")


if __name__ == "__main__":
    command.run(main)  # it reads no file of another stage
