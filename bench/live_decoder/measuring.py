"""The decoder in the protocol of `bench/interactive.py`, without clicks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.interactive import ENCODER, Ours, Protocol, measure
from bench.interactive_report import Report, markdown, summarise
from bench.interactive_tasks import FeatureStore, tasks_of
from bench.live_decoder.head import UndecodedHead
from bench.peers import PEERS
from models_zoo.interactive.live_decoder import decode, load_weights
from models_zoo.interactive.live_head import LiveHead

_PROTOCOL = Protocol(rounds=3, clicks=0, click_images=0, frame="none", jitter=0.0, seed=0)


class _Head(Ours):
    """A live head behind the peers' interface."""

    def __init__(self, head: LiveHead, features: FeatureStore) -> None:
        super().__init__("live_head", features, {})
        self._segmenter = head


def measure_decoder(
    weights: Path, folders: Sequence[Path], limit: int, others: int, features_cache: Path | None
) -> str:
    """Tables of the live head without and with the decoder; ``limit`` and ``others`` as `tasks_of` has them."""
    features = FeatureStore(ENCODER, features_cache)
    with_decoder = LiveHead(decode=partial(decode, load_weights(weights)))
    methods = {"undecoded": _Head(UndecodedHead(), features), "decoder": _Head(with_decoder, features)}
    report = Report(None, vars(_PROTOCOL))
    for folder in folders:
        for task in tasks_of(folder, limit, others):
            for name, method in methods.items():
                report.add(task.set_name, name, task.key, measure(method, task, _PROTOCOL, with_clicks=False))
    return markdown(summarise(report.tasks, list(PEERS), limit=0, seed=0))
