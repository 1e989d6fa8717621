"""How gates can be wrong themselves, by what they refuse, and what else than the finished life is right."""

from __future__ import annotations

from careful_assets_tests.life.breaks_filtering import excluded
from careful_assets_tests.life.damage import Accept, Break, card, sql

_QUALITY = "update filtering.gate_quality set"
_ANCHORS_GONE = "delete from anchors.rows where split in ('train', 'exemplar')"
_OTHER = (
    "insert into filtering.reason_rates select 0, 'another', 1, gate, gate_version, threshold, reason, 2000, {}"
    " from filtering.reason_rates"
)
_SHORT = "value = 'under 8 tokens' and label is null and gate = 'near_duplicate'"

BREAKS: dict[tuple[str, str], list[Break]] = {
    ("filtering", "gates_keep_their_recall"): [
        Break(
            "a gate misses what was planted",
            r"near_duplicate refused 236 of 240 planted rows; mend the gate",
            sql(f"{_QUALITY} refused = n - 4 where gate = 'near_duplicate' and kind = 'near copy'"),
        ),
        Break(
            "a gate eats real rows",
            r"format refused 8 of \d+ real rows",
            sql(f"{_QUALITY} refused = 8 where gate = 'format' and side = 'real'"),
        ),
        Break(
            "gates that only estimate eat real rows",
            r"profanity refused 9 of \d+ real rows",
            sql(f"{_QUALITY} refused = 9 where gate = 'profanity' and side = 'real'"),
        ),
        Break(
            "all gates together eat real rows",
            r"cascade without comparisons refused 40 of \d+ real rows",
            sql(f"{_QUALITY} refused = 40 where gate = 'cascade without comparisons'"),
        ),
        Break(
            "few real rows, of which far too many are refused",
            "format refused 9 of 40 real rows",
            sql(f"{_QUALITY} n = 40, refused = 9 where gate = 'format' and side = 'real'"),
        ),
        Break(
            "a gate was not measured",
            "truncation was not measured as it is set now",
            sql("delete from filtering.gate_quality where gate = 'truncation'"),
        ),
        Break("nothing was measured", "the cascade was not measured", sql("delete from filtering.gate_quality")),
        Break(
            "a gate was measured at another version",
            "exact_duplicate was not measured as it is set now",
            sql(f"{_QUALITY} gate_version = 9 where gate = 'exact_duplicate'"),
        ),
        Break(
            "the card moved a threshold since",
            "near_duplicate was not measured as it is set now",
            card("overrides: []", "overrides: [{gate: near_duplicate, threshold: 0.5, reason: a test}]"),
        ),
        Break(
            "nothing was planted",
            r"nothing was planted for seed_echo, though \d+ anchors stand open",
            sql("delete from filtering.gate_quality where gate = 'seed_echo' and side = 'planted'"),
        ),
        Break(
            "nothing was planted, and few anchors are no excuse",
            "nothing was planted for format",
            sql(_ANCHORS_GONE, "delete from filtering.gate_quality where gate = 'format' and side = 'planted'"),
        ),
        Break(
            "no real row was shown",
            r"format saw no real row, though \d+ stand in the holdout",
            sql(f"{_QUALITY} n = 0, refused = 0 where gate = 'format' and side = 'real'"),
        ),
    ],
    ("filtering", "real_rows_stand_apart"): [
        Break(
            "real rows are too alike for a gate",
            r"novelty refused 90 of \d+ real rows; look at whether",
            sql(f"{_QUALITY} refused = 90 where gate = 'novelty' and side = 'real'"),
        ),
        Break(
            "all gates together refuse too many",
            r"cascade refused 40 of \d+ real rows",
            sql(f"{_QUALITY} refused = 40 where gate = 'cascade'"),
        ),
        Break("nothing was measured", "no gate was measured", sql("delete from filtering.gate_quality")),
    ],
    ("filtering", "reasons_are_steady"): [
        Break(
            "a reason jumped",
            r"truncation/cut_off: \d+ of \d+ now, 0 of 2000 in other batches \(difference \+.*look at",
            sql(_OTHER.format("0") + " where gate = 'truncation'"),
        ),
        Break(
            "a reason fell to zero",
            r"refusal/refusal: 0 of \d+ now, 200 of 2000 in other batches \(difference -.*look at",
            sql(_OTHER.format("case when gate = 'refusal' then 200 else 0 end") + " where gate = 'refusal'"),
        ),
    ],
    ("filtering", "gates_keep_the_balance"): [
        Break(
            "a gate refuses the short rows",
            r"near_duplicate keeps \d+ of \d+ rows of length under 8 tokens, \d+ of \d+ others; look at",
            sql(
                "update filtering.balance set after = before // 4, of_after = of_before - before // 4 * 3"
                f" where {_SHORT}"
            ),
        ),
    ],
}

ACCEPTS: dict[tuple[str, str], list[Accept]] = {
    ("filtering", "gates_keep_their_recall"): [
        Accept(
            "one in a hundred planted rows is missed",
            sql(f"{_QUALITY} refused = n - 2 where gate = 'near_duplicate' and kind = 'near copy'"),
        ),
        Accept(
            "a gate that estimates misses half",
            sql(f"{_QUALITY} refused = n // 2 where gate = 'refusal' and side = 'planted'"),
        ),
        Accept(
            "real rows of one template, which a gate that compares rows refuses",
            sql(f"{_QUALITY} refused = 90 where gate in ('novelty', 'cascade') and side = 'real'"),
        ),
        Accept(
            "few real rows, one of them refused",
            sql(f"{_QUALITY} n = 40, refused = 1 where side = 'real'"),
        ),
        Accept(
            "so few anchors that no copy can be planted",
            sql(
                _ANCHORS_GONE,
                "delete from filtering.gate_quality where side = 'planted'"
                " and gate in ('exact_duplicate', 'near_duplicate', 'seed_echo')",
            ),
        ),
        Accept(
            "no holdout rows at all",
            sql(
                "delete from anchors.rows where split = 'holdout'",
                f"{_QUALITY} n = 0, refused = 0 where side = 'real'",
            ),
        ),
    ],
    ("filtering", "real_rows_stand_apart"): [
        Accept(
            "gates that look at a row alone are held to it by another check",
            sql(f"{_QUALITY} refused = 90 where gate = 'profanity' and side = 'real'"),
        ),
    ],
    ("filtering", "reasons_are_steady"): [
        Accept("rows of the newest round are excluded", excluded(decided=True)),
        Accept(
            "another batch with the very same rates",
            sql(
                "insert into filtering.reason_rates select seq, 'another', round, gate, gate_version, threshold,"
                " reason, seen, refused from filtering.reason_rates"
            ),
        ),
        Accept(
            "other batches at another version",
            sql(_OTHER.format("0").replace(" gate_version,", " gate_version + 1,")),
        ),
        Accept("no record at all", sql("delete from filtering.reason_rates")),
    ],
    ("filtering", "gates_keep_the_balance"): [
        Accept("no candidates, no groups", sql("delete from filtering.balance")),
        Accept(
            "copies of short rows are refused",
            sql(f"update filtering.balance set after = before // 4 where {_SHORT.replace('near', 'exact')}"),
        ),
    ],
}
