"""A rollout: a version gets a growing share of the calls, and the champion's place at the end, or nothing.

| module | what |
| --- | --- |
| `arguments` | `python -m registry rollout`: its options |
| `driver` | the steps: share, hold, looks, promotion, and when to stop |
| `control` | what it does to the registry, while the rollout is this process's own |
| `plan` | what a rollout is to do, and what must be so before it begins |
| `state` | the tag that says which rollout runs and which process runs it |
| `comparison` | the two versions' figures in a step, and what speaks against the candidate |
| `checks` | may it go on? Pure statistics of two versions' figures |
| `figures` | what was counted of one version |
| `services` | reads the counters from `/metrics` |
| `progress` | what is printed |
"""
