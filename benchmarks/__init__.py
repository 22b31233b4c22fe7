"""Speed and size, each beside its own limit or a peer in the same run: ``python -m benchmarks``."""
