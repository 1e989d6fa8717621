"""How the stages up to training can be wrong, and what else than the finished life is right: check by check."""

from __future__ import annotations

from careful_assets.labeling.judges.nearest_anchors import NearestAnchors
from careful_assets_tests.life.breaks_filtering import excluded
from careful_assets_tests.life.damage import LEAK_COLUMNS, Accept, Break, attribute, both, card, sql

_OPEN = "(select min(row_id) from anchors.rows)"
_TRAIN = "(select min(row_id) from anchors.rows where split = 'train')"
_REQUEST = "(select min(request_id) from generation.requests)"
_CANDIDATE = "(select min(row_id) from generation.candidates)"
_KEPT = "(select min(row_id) from labeling.labels)"
_REJECT = "(select min(row_id) from filtering.decisions where not passed)"
_MIXED = "(select min(row_id) from training.mixes where origin = 'generated')"
_LAST_GATE = "(select max(position) from filtering.decisions)"


def _twice(table: str, where: str) -> str:
    return f"insert into {table} select * from {table} where {where}"


def _strike(row_id: str) -> str:
    return f"insert into {LEAK_COLUMNS} values ({row_id}, 'digest', 'exact', 1, 1, 'planted')"


def _strike_first(number: int) -> str:
    rows = f"select row_id from labeling.labels order by row_id limit {number}"
    return f"insert into {LEAK_COLUMNS} select row_id, 'digest', 'exact', 1, 1, 'planted' from ({rows})"


BREAKS: dict[tuple[str, str], list[Break]] = {
    ("filtering", "every_gate_ran"): [
        Break("a gate did not run", "format did not run", sql("delete from filtering.decisions where gate='format'")),
        Break("no gate ran", "near_duplicate did not run", sql("delete from filtering.decisions")),
        Break(
            "an older gate",
            r"truncation ran as \(position, version, threshold\)",
            sql("update filtering.decisions set gate_version = 0 where gate = 'truncation'"),
        ),
        Break(
            "another threshold",
            "near_duplicate ran as .*0.9.*the profile says.*0.7",
            sql("update filtering.decisions set threshold = 0.9 where gate = 'near_duplicate'"),
        ),
        Break(
            "the card asks for another threshold",
            "near_duplicate ran as .*0.7.*the profile says.*0.5",
            card("overrides: []", "overrides: [{gate: near_duplicate, threshold: 0.5, reason: a test}]"),
        ),
        Break(
            "one row was judged by another threshold",
            "minimum_length ran as",
            sql(
                "update filtering.decisions set threshold = 1 where gate = 'minimum_length' and row_id ="
                " (select min(row_id) from filtering.decisions where gate = 'minimum_length')"
            ),
        ),
        Break(
            "gates in another order",
            "format ran as .* the profile says",
            sql("update filtering.decisions set position = 9 where gate = 'format'"),
        ),
        Break(
            "a gate skipped a row",
            r"\w+ saw \d+ rows of \d+",
            sql(
                f"delete from filtering.decisions where position = {_LAST_GATE} and row_id ="
                f" (select min(row_id) from filtering.decisions where position = {_LAST_GATE})"
            ),
        ),
        Break(
            "a gate that nobody asked for",
            "vibes ran but is not in the profile",
            sql(
                f"insert into filtering.decisions values ({_CANDIDATE}, 'vibes', 1, 9, true, null, null, null, null,"
                " null)"
            ),
        ),
    ],
    ("filtering", "rows_conserved"): [
        Break(
            "a decision is gone",
            "judged twice at",
            sql(f"delete from filtering.decisions where row_id = {_KEPT} and position = 2"),
        ),
        Break(
            "a row that passed goes no further",
            "went missing .* at semantic_duplicate",
            sql(f"delete from filtering.decisions where row_id = {_KEPT} and position = {_LAST_GATE}"),
        ),
        Break(
            "a candidate met no gate", "at format", sql(f"delete from filtering.decisions where row_id = {_CANDIDATE}")
        ),
        Break(
            "a row was judged twice",
            "judged twice at format",
            sql(_twice("filtering.decisions", f"row_id = {_CANDIDATE} and position = 0")),
        ),
        Break(
            "a decision on no candidate",
            "at format",
            sql("insert into filtering.decisions values ('x', 'format', 1, 0, false, 'y', null, null, null, null)"),
        ),
        Break(
            "a refused row goes on",
            "at unicode_limits",
            sql(
                f"update filtering.decisions set passed = false, reason = 'planted' where row_id = {_KEPT}"
                " and position = 0"
            ),
        ),
    ],
    ("filtering", "something_kept"): [
        Break("nothing was kept", "0 of 300 rows", sql("update provenance.rounds set kept = 0")),
    ],
    ("labeling", "every_kept_row_voted"): [
        Break(
            "a vote is missing",
            "1 rows lack a vote",
            sql(f"delete from labeling.votes where row_id = {_KEPT} and judge = 'tfidf_logreg'"),
        ),
        Break(
            "a judge voted twice, the other not at all",
            "1 rows lack a vote",
            sql(f"update labeling.votes set judge = 'tfidf_logreg' where row_id = {_KEPT}"),
        ),
        Break("a vote too many", "1 rows", sql(_twice("labeling.votes", f"row_id = {_KEPT} and judge='tfidf_logreg'"))),
        Break("a label is missing", "1 rows lack", sql(f"delete from labeling.labels where row_id = {_KEPT}")),
        Break("two labels", "or have too many", sql(_twice("labeling.labels", f"row_id = {_KEPT}"))),
        Break(
            "a refused row has a label",
            "1 rows",
            sql(f"insert into labeling.labels values ({_REJECT}, 'very_negative', 'judge', true)"),
        ),
    ],
    ("labeling", "judges_are_independent"): [
        Break(
            "the generator is of a judge's family",
            "shares the generator's family linear",
            sql("update generation.requests set generator_family = 'linear'"),
        ),
        Break(
            "one request came from a judge's family",
            "shares the generator's family neighbours",
            sql(f"update generation.requests set generator_family = 'neighbours' where request_id = {_REQUEST}"),
        ),
        Break(
            "a vote was cast by the generator's family",
            "shares the generator's family ngram",
            sql(f"update labeling.votes set family = 'ngram' where row_id = {_KEPT} and judge = 'tfidf_logreg'"),
        ),
        Break(
            "two judges of one family", "two judges are of one family", attribute(NearestAnchors, "family", "linear")
        ),
        Break(
            "someone else voted",
            "passer_by voted but is not in the card",
            sql(f"insert into labeling.votes values ({_KEPT}, 'passer_by', 'strangers', 'very_negative', 1)"),
        ),
    ],
    ("labeling", "judges_agree"): [
        Break(
            "judges disagree",
            "lowest kappa between two judges 0.05, wanted 0.10",
            sql("update labeling.agreement set value = 0.05 where config like '%kept candidates%'"),
        ),
        Break(
            "no kappa",
            "kappa is undefined",
            sql("update labeling.agreement set value = null where config like '%kept candidates%'"),
        ),
        Break("no pair of judges", "kappa is undefined", sql("delete from labeling.agreement")),
    ],
    ("evaluation", "detectors_ran"): [
        Break(
            "a detector broke",
            r"exact did not run \(its server is down\)",
            sql("update evaluation.detectors set ran=false, cause='its server is down' where detector = 'exact'"),
        ),
        Break(
            "no record of a detector",
            r"ngram_8 did not run \(no record\)",
            sql("delete from evaluation.detectors where detector = 'ngram_8'"),
        ),
        Break("an older detector", "ran at version 0", sql("update evaluation.detectors set version = 0")),
        Break("rows were not shown", r"exact saw 1 of \d+ rows", sql("update evaluation.detectors set rows_seen = 1")),
        Break(
            "sealed rows were left out",
            "another ruler, of 7 rows instead of 1078",
            sql("update evaluation.detectors set sealed_rows=7"),
        ),
        Break(
            "the ruler of another day",
            "exact held them against another ruler",
            sql("update evaluation.detectors set registry_state = 'of before' where detector = 'exact'"),
        ),
        Break(
            "canaries were not searched for",
            r"canary did not run \(no record\)",
            sql("delete from evaluation.detectors where detector = 'canary'"),
        ),
    ],
    ("evaluation", "ruler_is_sound"): [
        Break("nothing was measured", "the ruler's quality was not measured", sql("delete from evaluation.ruler")),
        Break("a class of nine", "very_negative: 9 rows", sql("update evaluation.ruler set rows = 9 where rows = 78")),
        Break(
            "a class of copies",
            "very_negative: 40 of 78 rows are copies",
            sql("update evaluation.ruler set near_copies = 40 where rows = 78"),
        ),
        Break(
            "raters at odds", "85% of the votes", sql("update evaluation.ruler set disagreement = 0.85 where rows = 78")
        ),
    ],
    ("evaluation", "leak_share"): [
        Break(
            "the generator knows the ruler",
            r"12 of \d+ kept rows are leaks",
            sql("delete from evaluation.leaks", _strike_first(12)),
        ),
    ],
    ("evaluation", "no_struck_row_downstream"): [
        Break("a struck row is in a mix", "1 struck rows are in use", sql("delete from release.rows", _strike(_MIXED))),
        Break(
            "a struck row is released",
            "1 struck rows are in use",
            sql("delete from training.mixes", _strike("(select min(row_id) from release.rows)")),
        ),
    ],
    ("training", "mix_within_caps"): [
        Break(
            "the mix is over the cap",
            r"over the cap of 50%: mix/very_negative",
            sql(
                "delete from training.mixes where arm = 'mix' and label = 'very_negative' and origin = 'real'"
                " and row_id in (select row_id from training.mixes where origin = 'real'"
                " and label = 'very_negative' order by row_id limit 60)"
            ),
        ),
        Break(
            "a generated row in the real-only arm",
            "real only/very_negative: 1 of",
            sql(
                "insert into training.mixes select mix_id, 'real only', row_id, origin, label, weight, model_digest,"
                f" registry_state from training.mixes where row_id = {_MIXED} and arm = 'mix'"
            ),
        ),
        Break("no mix", "no mix at all", sql("delete from training.mixes")),
    ],
    ("training", "mix_is_clean"): [
        Break("a struck row", "1 rows have no right to be in a mix", sql(_strike(_MIXED))),
        Break(
            "an evaluation set's own generated rows",
            r"\d+ generated rows of an evaluation set are in a mix",
            both(
                card("  use: training\n", "  use: evaluation\n"),
                card("  allowed: [training]\n", "  allowed: [evaluation]\n"),
                card("    - use: evaluation\n", "    - use: training\n"),
            ),
        ),
        Break(
            "a row whose label nobody confirmed",
            "1 rows have no right",
            sql(f"update labeling.labels set confirmed = false where row_id = {_MIXED}"),
        ),
        Break(
            "a row with another label than the confirmed one",
            "1 rows have no right",
            sql(f"update training.mixes set label = 'positive' where row_id = {_MIXED}"),
        ),
        Break(
            "a holdout row",
            "1 rows have no right",
            sql(f"update anchors.rows set split = 'holdout' where row_id = {_TRAIN}"),
        ),
        Break(
            "a generated row that passes for a real one",
            "1 rows have no right",
            sql(f"update training.mixes set origin = 'real' where row_id = {_MIXED}"),
        ),
        Break("a stranger", "1 rows have no right", sql(f"update training.mixes set row_id='x' where row_id={_MIXED}")),
        Break(
            "a row that stands twice in one arm",
            "1 rows have no right",
            sql(f"insert into training.mixes select * from training.mixes where row_id = {_MIXED}"),
        ),
    ],
    ("training", "slices_frozen_first"): [
        Break("no slices", "not frozen for the present state", sql("delete from training.slices")),
        Break(
            "slices of another ruler",
            "not frozen for the present state",
            sql("update training.slices set registry_state = 'another' where slice = 'terse'"),
        ),
        Break(
            "slices chosen after the scores",
            "a model was scored before",
            sql("update training.slices set frozen_at = now() + interval 1 day where slice = 'terse'"),
        ),
        Break("nothing was scored", "a model was scored before", sql("delete from provenance.openings")),
    ],
    ("training", "scored_by_vault"): [
        Break("no opening", "scores without an opening", sql("delete from provenance.openings")),
        Break(
            "only the baseline was scored by the vault",
            "scores without an opening",
            sql("delete from provenance.openings where detail like '%real only%'"),
        ),
        Break(
            "the scoring failed",
            "scores without an opening",
            sql("update provenance.openings set detail = replace(detail, 'done', 'failed')"),
        ),
        Break(
            "the opening is another run's",
            "scores without an opening",
            sql("update provenance.openings set run_id = 'another'"),
        ),
        *(
            Break(
                f"no scores of {arm}", "an arm without scores", sql(f"delete from training.results where arm='{arm}'")
            )
            for arm in ("real only", "mix", "mix minus real only")
        ),
    ],
    ("training", "gap_recall_not_lower"): [
        Break(
            "the mix does harm",
            "lower with the mix: recall of very_negative -0.300",
            sql(
                "update training.results set value = -0.3, low = -0.4, high = -0.2"
                " where arm = 'mix minus real only' and name = 'recall of very_negative'"
            ),
        ),
    ],
}

ACCEPTS: dict[tuple[str, str], list[Accept]] = {
    ("filtering", "every_gate_ran"): [
        Accept("rows are excluded before the first gate", excluded(decided=True)),
        Accept(
            "no candidate, no decision", sql("delete from generation.candidates", "delete from filtering.decisions")
        ),
        Accept(
            "the first gate refused all",
            sql(
                "delete from filtering.decisions where position > 0",
                "update filtering.decisions set passed = false, reason = 'planted'",
            ),
        ),
    ],
    ("filtering", "rows_conserved"): [
        Accept("rows are excluded before the first gate", excluded(decided=True)),
        Accept(
            "the first gate refused all",
            sql(
                "delete from filtering.decisions where position > 0",
                "update filtering.decisions set passed = false, reason = 'planted'",
            ),
        ),
    ],
    ("evaluation", "leak_share"): [
        Accept("as many leaks as the card tolerates", sql("delete from evaluation.leaks", _strike_first(8))),
    ],
    ("evaluation", "no_struck_row_downstream"): [
        Accept(
            "a struck row that is not in use",
            sql("delete from training.mixes", "delete from release.rows", _strike(_KEPT)),
        ),
        Accept(
            "a mix and a release made from an earlier evaluation, which will be made again",
            sql(
                _strike(_MIXED),
                "insert into provenance.versions select 99, stage, 'newer', upstream, card_digest, run_id, made_at,"
                " registry_state from provenance.versions where stage = 'evaluation'",
            ),
        ),
    ],
    ("training", "gap_recall_not_lower"): [
        Accept(
            "lower, but by no more than chance",
            sql("update training.results set value = -0.1, low = -0.3, high = 0.1 where arm = 'mix minus real only'"),
        ),
        Accept("no interval", sql("update training.results set value = null, low = null, high = null")),
    ],
}
