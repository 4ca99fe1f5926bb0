"""How long from the click on "train" to the last proposal, on a folder of pictures with true masks.

    python bench/training_loop.py --data FOLDER [--images 200] [--image-size 256] [--json OUT]

Plays the services and task functions of the application in one process with one thread, as its worker does: strokes
are drawn on every image of the train and val splits from the true masks, then one training run and the pool proposals
that follow it are timed. Both wall and processor seconds are given: on a busy machine the second is the fairer one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with images/, masks/ and classes.json")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--image-size", type=int, default=256, help="long side that pictures are brought to")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="training-loop-") as scratch:
        folder = Path(scratch) / "data"
        num_images = shrunk_copy(arguments.data, folder, arguments.images, arguments.image_size)
        report = measure(Path(scratch), folder, arguments.image_size)
    report = {"set": arguments.data.name, "images": num_images, "image_size": arguments.image_size, **report}
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


def shrunk_copy(source: Path, target: Path, count: int, side: int) -> int:
    """At most `count` pictures and masks, the long side brought to `side`; returns how many there are."""
    from PIL import Image

    for kind in ("images", "masks"):
        (target / kind).mkdir(parents=True)
    (target / "classes.json").write_bytes((source / "classes.json").read_bytes())
    chosen = sorted((source / "images").iterdir())[:count]
    for path in chosen:
        mask = source / "masks" / f"{path.stem}.png"
        with Image.open(path) as picture, Image.open(mask) as labels:
            ratio = side / max(picture.size)
            size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
            picture.convert("RGB").resize(size, Image.Resampling.BOX).save(target / f"images/{path.stem}.png")
            labels.resize(size, Image.Resampling.NEAREST).save(target / f"masks/{path.stem}.png")
    return len(chosen)


def measure(scratch: Path, folder: Path, side: int) -> dict[str, float | int]:
    """Mark everything, then time the training run and its proposals."""
    os.environ |= {
        "BURNISH_VAR": str(scratch / "var"),
        "DJANGO_SETTINGS_MODULE": "labeling.settings.simulation",
        "OMP_NUM_THREADS": "1",
    }
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from labeling.ml.simulating import make_annotator
    from labeling.models import Proposal
    from labeling.simulation.learning import Clock, propose, train_version
    from labeling.simulation.stage import set_stage
    from labeling.simulation.work import Worker, truth_of
    from models_zoo import LabelledFolder

    stage = set_stage(LabelledFolder.open(folder), seed=0, strategy="uncertainty")
    worker = Worker(stage, make_annotator(0), "scribbles")
    for image in stage.images("train", "val"):
        worker.mark(image, truth_of(stage, image))
    trained = timed(lambda: train_version(stage, config={"image_size": side}, seed=0, clock=Clock(), runs_left=1))
    proposed = timed(lambda: propose(stage))
    return {
        "marked": len(stage.images("train", "val")),
        "proposals": Proposal.objects.filter(status=Proposal.Status.PENDING).count(),
        "train_wall_s": trained[0],
        "train_cpu_s": trained[1],
        "propose_wall_s": proposed[0],
        "propose_cpu_s": proposed[1],
        "total_wall_s": round(trained[0] + proposed[0], 1),
        "total_cpu_s": round(trained[1] + proposed[1], 1),
    }


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return round(time.perf_counter() - wall, 1), round(time.process_time() - cpu, 1)


if __name__ == "__main__":
    main()
