"""A learned decoder behind the live head's random walk: an experiment, made again from folders of pictures.

It reads relations and no appearance (`maps`), so that what it learns on composites holds for photographs. Nothing of
it runs in the application; docs/benchmarks.md tells what it gains and why it is not in use.
"""
