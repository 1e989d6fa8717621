"""How the leak detectors' own figures can be wrong, and what else than the finished life's is right."""

from __future__ import annotations

from careful_assets_tests.life.damage import Accept, Break, both, card, sql

_CHECK = ("evaluation", "detectors_keep_their_recall")
_QUALITY = "update evaluation.detector_quality set"
_JOINT = "detector = 'joint' and side = 'leak'"
_OTHER_ANCHORS = "delete from anchors.rows where row_id = (select min(row_id) from anchors.rows)"
_FEW = f"{_QUALITY} n = 9, flagged = 9, rate = 1, low = 0.7, high = 1 where {_JOINT}"

BREAKS: dict[tuple[str, str], list[Break]] = {
    _CHECK: [
        Break("nothing was measured", "exact was not measured on", sql("delete from evaluation.detector_quality")),
        Break(
            "one detector was not measured",
            "containment was not measured on planted leaks; mend the detector",
            sql("delete from evaluation.detector_quality where detector = 'containment'"),
        ),
        Break(
            "all together were not measured",
            "joint was not measured on planted leaks",
            sql("delete from evaluation.detector_quality where detector = 'joint'"),
        ),
        Break(
            "a detector was measured at another version",
            "near_duplicate was measured at version 9, and ran at",
            sql(f"{_QUALITY} detector_version = 9 where detector = 'near_duplicate'"),
        ),
        Break(
            "a detector ran with another cut-off",
            "ngram_8 was measured with the cut-off .*, and ran with 0.999",
            sql("update evaluation.detectors set threshold = 0.999 where detector = 'ngram_8'"),
        ),
        Break(
            "a detector that was measured did not run",
            "ngram_13 was measured at version .*, and ran at none",
            sql("delete from evaluation.detectors where detector = 'ngram_13'"),
        ),
        Break(
            "a copy is missed",
            r"found \d+ of \d+ leaks by verbatim; 100% is the least",
            sql(f"{_QUALITY} flagged = n - 1 where {_JOINT} and kind = 'verbatim'"),
        ),
        Break(
            "one of few copies is missed",
            "found 8 of 9 leaks by verbatim",
            sql(_FEW, f"{_QUALITY} flagged = 8 where {_JOINT} and kind = 'verbatim'"),
        ),
        Break(
            "too many altered rows are missed",
            r"found \d+ of \d+ leaks by word swaps; 99% is the least",
            sql(
                f"{_QUALITY} flagged = n // 2, rate = 0.5, low = 0.4, high = 0.6 where {_JOINT} and kind = 'word swaps'"
            ),
        ),
        Break(
            "one detector finds less than it did",
            "near_duplicate on leak, case and punctuation: .*the baseline is",
            sql(
                f"{_QUALITY} flagged = n // 10, rate = 0.1, low = 0.05, high = 0.2"
                " where detector = 'near_duplicate' and kind = 'case and punctuation'"
            ),
        ),
        Break(
            "a detector flags clean rows",
            r"containment flags 50 of \d+ clean rows \(judged\); the baseline is",
            sql(
                f"{_QUALITY} flagged = 50, rate = 0.06, low = 0.05, high = 0.08"
                " where detector = 'containment' and side = 'clean' and kind = 'judged'"
            ),
        ),
        Break(
            "too many flagged rows are clean",
            "joint on precision, leaks and clean rows: .*the baseline is",
            sql(f"{_QUALITY} flagged = n // 2, rate = 0.5, low = 0.4, high = 0.6 where side = 'precision'"),
        ),
        Break(
            "on other anchors, too, clean rows must pass",
            r"all detectors together flag \d+ of \d+ clean rows \(judged\)",
            sql(
                _OTHER_ANCHORS,
                f"{_QUALITY} flagged = n // 10 where detector = 'joint' and side = 'clean' and kind = 'judged'",
            ),
        ),
        Break(
            "on other anchors, too, an embedder that can find paraphrases must",
            "joint on leak, paraphrase: 0 of 100; the baseline is 0.500",
            both(card("  overrides: []", "  overrides: []\n  embedder: {kind: minilm}"), sql(_OTHER_ANCHORS)),
        ),
        Break(
            "on other anchors, too, altered rows must be found",
            r"found \d+ of \d+ leaks by embedded",
            sql(
                _OTHER_ANCHORS,
                f"{_QUALITY} flagged = n // 2, rate = 0.5, low = 0.4, high = 0.6 where {_JOINT} and kind = 'embedded'",
            ),
        ),
        Break(
            "a figure of the baseline is missing",
            "ngram_8 on leak, truncation: not measured",
            sql("delete from evaluation.detector_quality where detector = 'ngram_8' and kind = 'truncation'"),
        ),
    ],
}

ACCEPTS: dict[tuple[str, str], list[Accept]] = {
    _CHECK: [
        Accept(
            "one of many altered rows is missed",
            sql(f"{_QUALITY} flagged = n - 1, high = 0.9999 where {_JOINT} and kind = 'word swaps'"),
        ),
        Accept(
            "on other anchors single detectors find what they find",
            sql(
                _OTHER_ANCHORS,
                f"{_QUALITY} flagged = n // 10, rate = 0.1, low = 0.05, high = 0.2"
                " where detector = 'near_duplicate' and kind = 'word swaps'",
            ),
        ),
        Accept("too few leaks to tell", sql(_OTHER_ANCHORS, _FEW)),
        Accept(
            "the last digit of a cut-off is another engine's",
            sql("update evaluation.detectors set threshold = threshold + 0.0000000001"),
        ),
    ],
}
