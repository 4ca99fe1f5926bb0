"""Speed and quality, one command each; results are in docs/benchmarks.md."""
