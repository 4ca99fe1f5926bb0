"""The decoder in the protocol of `bench/interactive.py`, without clicks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.interactive import ENCODER, Ours, Protocol, measure
from bench.interactive_report import Report, markdown, summarise
from bench.interactive_tasks import FeatureStore, tasks_of
from bench.live_decoder.head import DecodedHead
from bench.peers import PEERS
from models_zoo.interactive.live_decoder import load_weights

_PROTOCOL = Protocol(rounds=3, clicks=0, click_images=0, frame="none", jitter=0.0, seed=0)


class _Decoded(Ours):
    """The live head with a decoder behind the peers' interface."""

    def __init__(self, weights: Path, features: FeatureStore) -> None:
        super().__init__("live_head", features, {})
        self._segmenter = DecodedHead(load_weights(weights))


def measure_decoder(
    weights: Path, folders: Sequence[Path], limit: int, others: int, features_cache: Path | None
) -> str:
    """Tables of the live head and the decoder; ``limit`` and ``others`` as `tasks_of` has them."""
    features = FeatureStore(ENCODER, features_cache)
    methods = {"live_head": Ours("live_head", features, {}), "decoder": _Decoded(weights, features)}
    report = Report(None, vars(_PROTOCOL))
    for folder in folders:
        for task in tasks_of(folder, limit, others):
            for name, method in methods.items():
                report.add(task.set_name, name, task.key, measure(method, task, _PROTOCOL, with_clicks=False))
    return markdown(summarise(report.tasks, list(PEERS), limit=0, seed=0))
