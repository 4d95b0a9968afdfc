"""What the benchmarks ask over HTTP: this project's service, what people would use instead, and the floors.

Each module makes a `Peer` of `served`, which starts the real program, in an environment of its own where it needs one.
"""
