"""Train, predict and rank from the shell, without the web application.

Examples::

    python -m models_zoo train snapshot/ --out run/ --set steps=300 --set image_size=192
    python -m models_zoo predict run/final photos/ --out masks/
    python -m models_zoo measure-boxes run/final snapshot/
    python -m models_zoo rank run/final photos/ --function margin --budget 20
    python -m models_zoo train-clicks photos_with_masks/ --out clicks/ --set effort=quick
    python -m models_zoo measure-clicks clicks/final other_photos/ --limit 50
    python -m models_zoo train-polisher snapshot/ --model run/final --out polisher/
    python -m models_zoo predict run/final photos/ --out masks/ --polisher polisher/final
    python -m models_zoo train snapshot/ --method dual_polishing --out boxes/
    python -m models_zoo predict boxes/final photos/ --boxes found.json
    python -m models_zoo bench main --data FOLDER --minutes 60 --json report.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from models_zoo.bench.command import add_arguments as add_bench
from models_zoo.errors import TrainingError
from models_zoo.info import ConfigError, MethodInfo, UnknownMethod, config_fields, parse_config
from models_zoo.registry import get_method, list_acquisitions, list_methods

if TYPE_CHECKING:
    from models_zoo.engine import FitResult

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
_CHUNK = 16


def main(arguments: Sequence[str] | None = None, out: TextIO = sys.stdout, err: TextIO = sys.stderr) -> int:
    """Run one command; returns the exit status: 0 done, 2 for a mistake the message explains."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options, out)
    except (TrainingError, ConfigError, UnknownMethod, ValueError, OSError) as error:
        err.write(f"error: {error}\n")
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models_zoo", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    methods = commands.add_parser("methods", help="list methods and their settings")
    methods.set_defaults(run=_methods)
    _add_train(commands.add_parser("train", help="train on a snapshot folder"))
    _add_predict(
        commands.add_parser("predict", help="write a polished mask for every picture of a folder, or the boxes found")
    )
    _add_boxes(commands.add_parser("measure-boxes", help="how often the boxes round its masks hit objects (val split)"))
    _add_rank(commands.add_parser("rank", help="order the pictures of a folder, most informative first"))
    _add_clicks(
        commands.add_parser("train-clicks", help="train a click network on folders with images/ and masks/"),
        commands.add_parser("measure-clicks", help="how many clicks it needs on folders with images/ and masks/"),
    )
    _add_polisher(commands.add_parser("train-polisher", help="train what mends a model's masks, on accepted ones"))
    add_bench(commands.add_parser("bench", help="measure methods on folders with true masks"), _settings)
    return parser


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("snapshot", type=Path)
    train.add_argument("--method", default=list_methods()[0].name)
    _add_run(train)
    train.set_defaults(run=_train)


def _add_run(train: argparse.ArgumentParser) -> None:
    train.add_argument("--out", type=Path, required=True, help="working folder; a run there is continued")
    train.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--device", default="auto")
    train.add_argument("--from", type=Path, dest="init_weights", help="weights folder to start from")


def _add_clicks(train: argparse.ArgumentParser, measure: argparse.ArgumentParser) -> None:
    train.add_argument("folders", type=Path, nargs="+", help="folders with images/ and masks/ (index PNGs)")
    _add_run(train)
    train.set_defaults(run=_train_clicks)
    measure.add_argument("weights", type=Path, help="the final/ folder of a run")
    measure.add_argument("folders", type=Path, nargs="+")
    measure.add_argument("--limit", type=int, default=0, help="pictures a folder, evenly spread; all by default")
    measure.set_defaults(run=_measure_clicks)


def _add_polisher(train: argparse.ArgumentParser) -> None:
    train.add_argument("snapshot", type=Path)
    train.add_argument("--model", type=Path, required=True, help="the final/ folder of the model whose masks it mends")
    train.add_argument("--out", type=Path, required=True, help="working folder; a run there is continued")
    train.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--device", default="auto")
    train.set_defaults(run=_train_polisher)


def _add_predict(predict: argparse.ArgumentParser) -> None:
    predict.add_argument("weights", type=Path, help="the final/ folder of a run")
    predict.add_argument("pictures", type=Path, help="a folder of pictures")
    made = predict.add_mutually_exclusive_group(required=True)
    made.add_argument("--out", type=Path, help="folder for the masks")
    made.add_argument("--boxes", type=Path, help="file for the boxes of a detector: a COCO data set with scores")
    predict.add_argument("--polisher", type=Path, help="the final/ folder of a trained mask polisher")
    predict.add_argument("--device", default="auto")
    predict.set_defaults(run=_predict)


def _add_boxes(measure: argparse.ArgumentParser) -> None:
    measure.add_argument("weights", type=Path, help="the final/ folder of a run")
    measure.add_argument("snapshot", type=Path, help="its val split has boxes or accepted masks")
    measure.add_argument("--threshold", type=float, default=0.5, help="height of a class, of its highest in an image")
    measure.add_argument("--device", default="auto")
    measure.set_defaults(run=_measure_boxes)


def _add_rank(rank: argparse.ArgumentParser) -> None:
    rank.add_argument("weights", type=Path, help="the final/ folder of a run; none for a function without a model")
    rank.add_argument("pictures", type=Path, help="a folder of pictures")
    rank.add_argument("--function", default=None, choices=[info.name for info in list_acquisitions()])
    rank.add_argument("--budget", type=int, default=None, help="how many to list; all by default")
    rank.add_argument("--seed", type=int, default=0)
    rank.add_argument("--device", default="auto")
    rank.set_defaults(run=_rank)


def _methods(options: argparse.Namespace, out: TextIO) -> int:
    for info in list_methods():
        out.write(f"{info.name}: {info.summary}\n")
        for field in config_fields(info.config):
            out.write(f"  {field.name} = {field.default}\n      {field.help}\n")
    return 0


def _train(options: argparse.Namespace, out: TextIO) -> int:
    from models_zoo.engine import load_predictor, validate

    info = get_method(options.method)
    if info.polishes:
        raise ValueError(f"{info.name} is trained for a model's masks: use train-polisher and name the model")
    result = _fit(info, options, out)
    if info.detects:
        from models_zoo.detection.measuring import validate_boxes

        found = validate_boxes(result.weights_dir, options.snapshot, device=options.device)
    elif info.interactive:
        from models_zoo.interactive.click_net.measuring import validate_clicks

        found = validate_clicks(result.weights_dir, options.snapshot)
    else:
        found = validate(load_predictor(result.weights_dir, options.device), options.snapshot)
    out.write(json.dumps({"weights": str(result.weights_dir), "steps": result.steps, "validation": found}) + "\n")
    return 0


def _fit(info: MethodInfo, options: argparse.Namespace, out: TextIO) -> FitResult:
    from models_zoo.engine import fit

    return fit(
        method=info.name,
        config=parse_config(info, _settings(options.settings)),
        snapshot_dir=options.snapshot,
        work_dir=options.out,
        seed=options.seed,
        device=options.device,
        callbacks=_Printer(out),
        init_weights=options.init_weights,
    )


def _train_clicks(options: argparse.Namespace, out: TextIO) -> int:
    from models_zoo.interactive.click_net.folder import make_snapshot

    options.snapshot, options.method = options.out / "snapshot", "click_net"
    make_snapshot(options.folders, options.snapshot)
    return _train(options, out)


def _train_polisher(options: argparse.Namespace, out: TextIO) -> int:
    from models_zoo.methods.mask_polisher.fitting import train_polisher

    made = train_polisher(
        model=options.model,
        config=parse_config(get_method("mask_polisher"), _settings(options.settings)),
        snapshot_dir=options.snapshot,
        work_dir=options.out,
        seed=options.seed,
        callbacks=_Printer(out),
        device=options.device,
    )
    found = {"weights": str(made.fitted.weights_dir), "steps": made.fitted.steps, "validation": made.validation}
    out.write(json.dumps({**found, "polishing": made.gain}) + "\n")
    return 0


def _measure_clicks(options: argparse.Namespace, out: TextIO) -> int:
    from models_zoo.interactive.click_net.measuring import measure_folder

    for folder in options.folders:
        figures = measure_folder(options.weights, folder, limit=options.limit)
        out.write(json.dumps({"folder": folder.name, **{name: round(value, 4) for name, value in figures.items()}}))
        out.write("\n")
    return 0


class _Printer:
    """Progress as one line every twentieth of the way."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        """Write now and then."""
        if done % max(1, total // 20) == 0 or done == total:
            numbers = "  ".join(f"{name} {value:.3f}" for name, value in metrics.items())
            self._out.write(f"{done}/{total}  {numbers}\n")
            self._out.flush()


def _settings(pairs: Sequence[str]) -> dict[str, object]:
    settings: dict[str, object] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise ValueError(f"--set takes NAME=VALUE, not {pair!r}")
        settings[name] = value
    return settings


def _pictures(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not found:
        raise ValueError(f"{folder} holds no pictures ({', '.join(sorted(PICTURES))})")
    return found


def _chunks(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    for start in range(0, len(paths), _CHUNK):
        yield paths[start : start + _CHUNK]


def _find_boxes(options: argparse.Namespace, out: TextIO) -> int:
    from models_zoo.data.dataset import load_rgb
    from models_zoo.detection.finding import coco_detections, load_finder, write_coco

    finder = load_finder(options.weights, options.device)
    pictures, found = [], []
    for path in _pictures(options.pictures):
        rgb = load_rgb(path)
        pictures.append((path.name, (rgb.shape[1], rgb.shape[0])))
        found.append(finder.find(rgb))
        out.write(f"{path.name}\t{len(found[-1])}\n")
    write_coco(options.boxes, coco_detections(finder.classes, pictures, found))
    return 0


def _predict(options: argparse.Namespace, out: TextIO) -> int:
    from models_zoo.data.dataset import load_rgb
    from models_zoo.engine import load_predictor
    from models_zoo.label_map import encode_png, voc_palette
    from models_zoo.polish import polish

    if options.boxes is not None:
        return _find_boxes(options, out)
    predictor = load_predictor(options.weights, options.device)
    if predictor.info.detects:
        raise ValueError(f"{predictor.info.name} finds boxes and makes no masks: give --boxes FILE instead of --out")
    polisher = None
    if options.polisher is not None:
        from models_zoo.methods.mask_polisher.polisher import load_polisher

        polisher = load_polisher(options.polisher, options.device)
    options.out.mkdir(parents=True, exist_ok=True)
    for chunk in _chunks(_pictures(options.pictures)):
        images = [load_rgb(path) for path in chunk]
        for path, rgb, prediction in zip(chunk, images, predictor.predict_batch(images), strict=True):
            polished = polish(prediction, rgb, refiner=predictor.refiner, polisher=polisher)
            (options.out / f"{path.stem}.png").write_bytes(encode_png(polished.label_map, voc_palette()))
            out.write(f"{path.name}\t{polished.score:.4f}\n")
    return 0


def _measure_boxes(options: argparse.Namespace, out: TextIO) -> int:
    from models_zoo.engine import load_predictor
    from models_zoo.engine.localise import localise

    predictor = load_predictor(options.weights, options.device)
    out.write(json.dumps(localise(predictor, options.snapshot, threshold=options.threshold)) + "\n")
    return 0


def _rank(options: argparse.Namespace, out: TextIO) -> int:
    from models_zoo.acquisition import create_acquisition
    from models_zoo.acquisition.gather import gather

    infos = {info.name: info for info in list_acquisitions()}
    info = infos[options.function or next(iter(infos))]
    weights = None if str(options.weights) == "none" else options.weights
    paths = _pictures(options.pictures)
    pool = gather(paths, info, weights=weights, device=options.device, seed=options.seed)
    ranking = create_acquisition(info.name).rank(pool, budget=options.budget or len(paths))
    for place, (name, score) in enumerate(zip(ranking.ids, ranking.scores, strict=True)):
        asked = f"\t{ranking.questions[place]}" if ranking.questions else ""
        out.write(f"{name}\t{score:.4f}{asked}\n")
    return 0
