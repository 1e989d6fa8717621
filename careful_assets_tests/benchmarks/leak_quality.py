"""The leak detectors' recall and precision on the demo's anchors, with both local embedders.

`python -m careful_assets_tests.benchmarks.leak_quality` prints the figures beside what they must reach; with `--write`
it writes `careful_assets/evaluation/baseline.json`, to which the check `detectors_keep_their_recall` holds every run.
Names of embedders as arguments leave the other out.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from careful_assets.card.models import Card
from careful_assets.evaluation import benchmark_checks
from careful_assets.evaluation.benchmark import (
    CLEAN,
    JOINT,
    LEAK,
    OTHER,
    PRECISION,
    Quality,
    detector_quality,
)
from careful_assets.evaluation.detecting import detectors_beside
from careful_assets.evaluation.planting import BUILT, PARAPHRASE, SHORT
from careful_assets.warehouse.home import Home
from careful_assets_tests.life import arrange

EMBEDDERS = ("tfidf_svd", "minilm")
LEAST_LEAKS, LEAST_CLEAN = 1_000, 5_000
LEAST_RECALL, LEAST_PARAPHRASES, LEAST_PRECISION = 0.99, 0.8, 0.99


def demo(folder: Path, cache: Path) -> tuple[arrange.Life, pl.DataFrame, pl.Series]:
    """The demo's card, its open anchors as its stage deals them, and the other texts of its archive."""
    life = arrange.new_life(folder, cache)
    report = life.run("anchors")
    assert report.success, report.problems
    return life, life.table("anchors.rows"), life.table("anchors.contrasts")["text"]


def with_embedder(card: Card, kind: str) -> Card:
    """The card with another embedder."""
    content = card.model_dump()
    content["filtering"]["embedder"] = {"kind": kind}
    return Card.model_validate(content)


def measured(life: arrange.Life, anchors: pl.DataFrame, other: pl.Series, embedder: str) -> Quality:
    """The whole benchmark with one embedder, and on paper how it went."""
    card, settings = with_embedder(life.loaded.card, embedder), life.loaded.profile.leaks
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        quality = detector_quality(
            anchors, other, lambda rows: detectors_beside(card, settings, rows), settings, embedder, Path(folder)
        )
    print(f"\n== {embedder}, {time.perf_counter() - begun:.0f} s")
    for one in quality.cut_offs:
        print(f"{one.detector:15} from {one.thousandths / 1000:.3f}: {one.words}")
    for name, cause in quality.failed.items():
        print(f"{name} FAILED: {cause}")
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True, float_precision=4, fmt_str_lengths=40):
        for side in (LEAK, CLEAN, OTHER):
            rows = quality.quality.filter(side=side)
            print(rows.pivot(on="detector", index=["kind", "n"], values="flagged"))
        print(quality.quality.filter(detector=JOINT).drop("detector", "detector_version", "threshold"))
    return quality


def failures(quality: pl.DataFrame, embedder: str) -> list[str]:
    """What is below the step's demands."""
    joint = {(side, kind): row for side, kind, *row in quality.filter(detector=JOINT).select(
        "side", "kind", "n", "flagged", "rate").iter_rows()}  # fmt: skip
    least = dict.fromkeys(BUILT, LEAST_RECALL) | ({PARAPHRASE: LEAST_PARAPHRASES} if embedder == "minilm" else {})
    wrong = [f"{kind}: {joint[LEAK, kind]}" for kind, rate in least.items() if joint[LEAK, kind][2] < rate]
    wrong += [f"{key}: {row}" for key, row in joint.items() if key[0] == PRECISION and row[2] < LEAST_PRECISION]
    leaks = sum(n for (side, kind), (n, *_) in joint.items() if side == LEAK and not kind.endswith(SHORT))
    clean = sum(n for (side, kind), (n, *_) in joint.items() if side in (CLEAN, OTHER) and kind == "judged")
    wrong += [f"{leaks} leaks"] if leaks < LEAST_LEAKS else []
    wrong += [f"{clean} clean rows"] if clean < LEAST_CLEAN else []
    print(f"{leaks} leaks, {clean} clean rows: {'; '.join(wrong) or 'all demands are met'}")
    return wrong


def written(anchors: pl.DataFrame, figures: dict[str, Quality]) -> None:
    """The figures as the package's baseline."""
    baseline = {
        "anchors": benchmark_checks.anchors_digest(anchors),
        "figures": {
            embedder: [
                [detector, side, kind, round(rate, 6)]
                for detector, side, kind, n, rate in found.quality.select(
                    "detector", "side", "kind", "n", "rate"
                ).iter_rows()
                if n
            ]
            for embedder, found in figures.items()
        },
    }
    path = Path(benchmark_checks.__file__).with_name("baseline.json")
    lines = json.dumps(baseline, indent=1)
    path.write_text(lines + "\n", encoding="utf-8")
    print(f"written: {path.name}")


def main() -> None:
    """Measure, print, and with --write keep."""
    embedders = [name for name in EMBEDDERS if name in sys.argv[1:]] or list(EMBEDDERS)
    with tempfile.TemporaryDirectory() as folder:
        cache = Home.of(Path.cwd()).prepare().cache
        life, anchors, other = demo(Path(folder), cache)
        figures = {embedder: measured(life, anchors, other, embedder) for embedder in embedders}
        wrong = [failures(found.quality, embedder) for embedder, found in figures.items()]
        if "--write" in sys.argv:
            written(anchors, figures)
    sys.exit(1 if any(wrong) else 0)


if __name__ == "__main__":
    main()
