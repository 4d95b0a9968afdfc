"""Live quality: how well each version answers today's texts, from the call log and the labels that people gave.

| module | what |
| --- | --- |
| `measure` | joins calls with labels and judges every version: `live` for programs, `measure` for the command |
| `labels` | the labels in three samples, of which one is unbiased |
| `judgements` | what the versions answered, read from the call log in bounded memory |
| `proportions` | the statistics of counts: intervals, the paired test, how many labels are needed |
| `calibration` | what the probabilities are worth, and the estimate without labels |
| `published` | the tag of the registered model from which services show the figures |
| `report` | what is printed |
"""

from registry.quality.measure import live

__all__ = ["live"]
