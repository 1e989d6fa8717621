"""The check on the detectors' own figures, beyond its breaks: its words where little can be told, its baseline."""

from __future__ import annotations

from careful_assets.evaluation.benchmark import JOINT, LEAK
from careful_assets.evaluation.benchmark_checks import baseline_of, detectors_keep_their_recall
from careful_assets.evaluation.planting import BUILT, PARAPHRASE
from careful_assets_tests.life.arrange import Life

DETECTORS = ("exact", "ngram_8", "ngram_13", "near_duplicate", "containment", "skeleton", "embedding", JOINT)


def test_the_baseline_has_every_detector_and_kind_with_both_embedders() -> None:
    """Recall of each on each kind, and precision, for every embedder that needs no endpoint."""
    for embedder in ("tfidf_svd", "minilm"):
        figures = baseline_of(embedder)
        assert {(detector, LEAK, kind) for detector in DETECTORS for kind in (*BUILT, PARAPHRASE)} <= figures.keys()
        assert all(0 <= rate <= 1 for rate in figures.values())
        assert all(figures[JOINT, LEAK, kind] >= 0.99 for kind in BUILT)
        assert figures[JOINT, "precision", "leaks and clean rows"] >= 0.99
    assert baseline_of("minilm")[JOINT, LEAK, PARAPHRASE] >= 0.8
    assert baseline_of("no such embedder") == {}


def test_a_ruler_too_small_to_tell_is_said_to_be_so(copied_life: Life) -> None:
    """With nine leaks of some kinds the check passes and names them; with nine of every kind it claims nothing."""
    copied_life.sql(
        "delete from anchors.rows where row_id = (select min(row_id) from anchors.rows)",
        "update evaluation.detector_quality set n = 9, flagged = 9, rate = 1, low = 0.7, high = 1"
        " where detector = 'joint' and side = 'leak' and kind in ('verbatim', 'embedded')",
    )
    with copied_life.view() as view:
        verdict = detectors_keep_their_recall(view)
    assert verdict.passed
    assert verdict.summary.startswith("NOT TOLD for verbatim (9), embedded (9)")
    assert "More holdout anchors" in verdict.summary
    copied_life.sql(
        "update evaluation.detector_quality set n = 9, flagged = 9, rate = 1, low = 0.7, high = 1"
        " where detector = 'joint' and side = 'leak' and kind <> 'paraphrase'"
    )
    with copied_life.view() as view:
        verdict = detectors_keep_their_recall(view)
    assert verdict.passed
    assert verdict.summary.startswith("NOT TOLD whether leaks are found")
    assert "copies are found" not in verdict.summary
    assert "of 100 paraphrases 0 are found" in verdict.summary
    assert verdict.evidence == {"wrong": 0, "too few to tell": len(BUILT)}
