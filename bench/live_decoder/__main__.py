"""Make training cases, train the decoder, measure it beside the live head.

    python -m bench.live_decoder make --data FOLDER… --boxes FOLDER… --textures FOLDER… --out cases.npz
    python -m bench.live_decoder train --cases cases.npz --steps 1500 --out decoder.f16
    python -m bench.live_decoder measure --network decoder.f16 --data FOLDER… --limit 12 [--others 8]

`make` uses the folders it is given and the photographs of scikit-image and scikit-learn, nothing else, and never a
picture that `--limit 12` or `--others 8` of `bench/interactive.py` measures. Whoever wants to ship the weights gives it
folders of tier A (terms that permit it) alone. Everything follows from --seed.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

_PHOTOGRAPHS = frozenset(
    (
        *("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png", "ihc.png", "moon.png"),
        *("hubble_deep_field.jpg", "retina.jpg", "brick.png", "grass.png", "gravel.png", "camera.png", "coins.png"),
        *("china.jpg", "flower.jpg"),
    )
)


def main() -> None:
    """Run one of the three commands."""
    options = _options()
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    {"make": _make, "train": _train, "measure": _measure}[options.command](options)


def _make(options: argparse.Namespace) -> None:
    from bench.interactive import ENCODER
    from bench.interactive_tasks import FeatureStore
    from bench.live_decoder.cases import Cases, add_cases, altered, folder_examples
    from bench.live_decoder.composites import Composer
    from bench.live_decoder.shapes import boxed_cutouts

    rng = np.random.default_rng(options.seed)
    features, cases = FeatureStore(ENCODER, None), Cases()
    for folder in options.data:
        for example in folder_examples(folder, options.pictures, options.variants, rng):
            add_cases(cases, example, features, rng)
    cutouts = [example for folder in options.boxes for example in boxed_cutouts(folder, options.pictures, rng)]
    composer = Composer(_textures(options), [example.truth for example in cutouts], rng)
    for number in range(options.composites):
        if number % 4 == 3 and cutouts:
            example = altered(cutouts[int(rng.integers(len(cutouts)))], rng)
        else:
            example = composer.compose(f"composites/{number}")
        add_cases(cases, example, features, rng)
        if (number + 1) % 50 == 0:
            print(f"{number + 1} of {options.composites} composites", flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(options.out, **cases.stacked())
    print(f"{len(cases.columns.get('name', []))} cases in {options.out}")


def _textures(options: argparse.Namespace) -> list[list[Path]]:
    """Pictures to make composites of: photographs of two packages, those with boxes, and those of other folders."""
    import skimage
    import sklearn

    packages = Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets" / "images"
    photographs = [path for folder in packages for path in sorted(folder.iterdir()) if path.name in _PHOTOGRAPHS]
    return [
        photographs,
        [path for folder in options.boxes for path in _unmeasured(folder, options.pictures)],
        [path for folder in [*options.data, *options.textures] for path in _unmeasured(folder, options.pictures)],
    ]


def _unmeasured(folder: Path, most: int) -> list[Path]:
    from bench.interactive_tasks import names_left_out
    from bench.live_decoder.cases import CHOSEN_ON, MEASURED

    has_masks = (folder / "masks").is_dir()
    names = names_left_out(folder, MEASURED, CHOSEN_ON) if has_masks else os.listdir(folder / "images")
    return [folder / "images" / name for name in sorted(names)[:most]]


def _train(options: argparse.Namespace) -> None:
    from bench.live_decoder.training import load_cases, train
    from models_zoo.interactive.live_decoder import save_weights, weakened

    network = train(load_cases(options.cases), steps=options.steps, seed=options.seed)
    save_weights(weakened(network, options.strength), options.out)


def _measure(options: argparse.Namespace) -> None:
    from bench.live_decoder.measuring import measure_decoder

    print(measure_decoder(options.network, options.data, options.limit, options.others, options.features_cache))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.live_decoder", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="training cases from folders")
    make.add_argument("--data", type=Path, nargs="*", default=[], help="folders with images/, masks/, classes.json")
    make.add_argument("--boxes", type=Path, nargs="*", default=[], help="folders with images/, boxes.json to cut out")
    make.add_argument("--textures", type=Path, nargs="*", default=[], help="folders with images/ for composites")
    make.add_argument("--pictures", type=int, default=60, help="at most so many of a folder")
    make.add_argument("--variants", type=int, default=1, help="of each picture with masks")
    make.add_argument("--composites", type=int, default=600)
    make.add_argument("--seed", type=int, default=0)
    make.add_argument("--out", type=Path, required=True)
    train = commands.add_parser("train", help="weights from cases")
    train.add_argument("--cases", type=Path, nargs="+", required=True)
    train.add_argument("--steps", type=int, default=5000, help="of 16 cases, about 0.1 s each on one core")
    train.add_argument("--strength", type=float, default=0.5, help="share of the learned change that is kept")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--out", type=Path, required=True)
    measure = commands.add_parser("measure", help="strokes of the benchmark and of people, beside the live head")
    measure.add_argument("--network", type=Path, required=True)
    measure.add_argument("--data", type=Path, nargs="+", required=True)
    measure.add_argument("--limit", type=int, default=12, help="pictures a set, evenly spread")
    measure.add_argument(
        "--others", type=int, default=0, help="instead, so many pictures a set that --limit leaves out"
    )
    measure.add_argument("--features-cache", type=Path, help="folder to keep features in")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
