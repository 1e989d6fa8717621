"""How a release, its monitoring and its end can be wrong, and what else is right: check by check."""

from __future__ import annotations

import shutil

import polars as pl

from careful_assets_tests.life.damage import (
    LEAK_COLUMNS,
    Accept,
    Break,
    both,
    card,
    manifest,
    one_more_byte,
    removed,
    rewritten,
    sql,
    written,
)

_FILES = ("rows.parquet", "provenance.parquet", "rejects.parquet", "canaries.parquet", "DATA_CARD.md")
_REAL = "(select min(row_id) from release.rows where origin = 'real')"
_GENERATED = "(select min(row_id) from release.rows where origin = 'generated')"
_OF_UNKNOWN_ORIGIN = (
    "update generation.requests set generator_family = 'unknown' where request_id ="
    f" (select request_id from generation.candidates where row_id = {_GENERATED})"
)
_CAME_IN_A_FILE = (
    "insert into provenance.inherited select 'digest', 1, 'unknown', null, null, null, null, row_id from release.rows"
    " where origin = 'generated'"
)
_FILE_ON_RECORD = (
    "insert into provenance.inherited_files values ('digest', 'training_v3.jsonl', 1, 'text', null, '{}', null, now())"
)
_RETIRED = "update release.releases set status = 'retired'"


def _relabelled(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(label=pl.lit("positive"))


def _digests_renewed(life: object, patch: object) -> None:
    """Make the manifest's digests those of the changed files, as someone would who covers their tracks."""
    import hashlib

    folder = life.release_folder()  # type: ignore[attr-defined]
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in _FILES}
    manifest(lambda content: content.update(files=digests))(life, patch)  # type: ignore[arg-type]


BREAKS: dict[tuple[str, str], list[Break]] = {
    ("release", "folder_matches_manifest"): [
        *(Break(f"{name} has a byte more", f"1.0.0: {name} was changed", one_more_byte(name)) for name in _FILES),
        *(Break(f"{name} is gone", f"{name} is missing", removed(name)) for name in _FILES),
        Break("a file too many", "notes.txt is not in the manifest", written("notes.txt", "psst")),
        Break(
            "a folder too many",
            "more is not in the manifest",
            lambda life, patch: (life.release_folder() / "more").mkdir(),
        ),
        Break("no manifest", "manifest.json cannot be read", removed("manifest.json")),
        Break("the manifest is no JSON", "manifest.json cannot be read", written("manifest.json", "{")),
        Break(
            "the manifest allows another use",
            "not the one that was recorded",
            manifest(lambda content: content.update(use_limits={"allowed": ["demo"], "forbidden": []})),
        ),
        Break(
            "the rows were changed and the manifest with them",
            "the rows do not give the content digest",
            both(rewritten("rows.parquet", _relabelled), _digests_renewed),
        ),
        Break("the folder is gone", "1.0.0 is missing", lambda life, patch: shutil.rmtree(life.release_folder())),
        Break("nothing is released", "there is no active release", sql(_RETIRED)),
    ],
    ("release", "records_travel"): [
        Break(
            "a record is gone",
            "1 generated rows lack a record, 0 records lack a row",
            rewritten("provenance.parquet", lambda records: records.head(-1)),
        ),
        *(
            Break(
                f"a record without {field}",
                r"[1-9]\d* generated rows lack a record, 0 records",
                rewritten(
                    "provenance.parquet",
                    lambda records, field=field: records.with_columns(pl.lit(None, records[field].dtype).alias(field)),
                ),
            )
            for field in (
                "generator_id",
                "generator_digest",
                "prompt_sha256",
                "rendered_prompt",
                "params",
                "seed",
                "parent_ids",
            )
        ),
        Break(
            "a record without a row",
            "0 generated rows lack a record, 1 records lack a row",
            rewritten(
                "rows.parquet",
                lambda rows: rows.filter(pl.col("row_id") != rows.filter(pl.col("origin") == "generated")["row_id"][0]),
            ),
        ),
        Break(
            "a real row with a generator",
            "0 generated rows lack a record, [1-9]",
            rewritten("rows.parquet", lambda rows: rows.with_columns(origin=pl.lit("real"))),
        ),
    ],
    ("release", "release_is_clean"): [
        Break(
            "a struck row",
            "1 rows have no right to be in 1.0.0",
            sql(f"insert into {LEAK_COLUMNS} values ({_GENERATED}, 'digest', 'exact', 1, 1, 'planted')"),
        ),
        Break(
            "a row twice",
            "1 rows have no right",
            sql(f"insert into release.rows select * from release.rows where row_id = {_REAL}"),
        ),
        Break(
            "a label that nobody confirmed",
            "1 rows have no right",
            sql(f"update labeling.labels set confirmed = false where row_id = {_GENERATED}"),
        ),
        Break(
            "another label than the confirmed one",
            "1 rows have no right",
            sql(f"update release.rows set label = 'positive' where row_id = {_GENERATED}"),
        ),
        Break(
            "a holdout row",
            "1 rows have no right",
            sql(f"update anchors.rows set split = 'holdout' where row_id = {_REAL}"),
        ),
        Break(
            "a generated row that passes for a real one",
            "1 rows have no right",
            sql(f"update release.rows set origin = 'real' where row_id = {_GENERATED}"),
        ),
        Break(
            "a refused candidate",
            "1 rows have no right",
            sql(
                "insert into release.rows select row_id, text, requested_label, 'generated', 'train', '1.0.0'"
                " from generation.candidates where row_id = (select min(row_id) from filtering.decisions"
                " where not passed)"
            ),
        ),
    ],
    ("release", "unknown_share"): [
        Break(
            "a row that nobody knows the origin of",
            r"who made [1-9]\d* of the \d+ generated rows of 1.0.0 \(no file on record: \d+\), the card allows 0.0%",
            sql(_OF_UNKNOWN_ORIGIN),
        ),
        Break(
            "such a row, and the file that it came in",
            r"\(training_v3.jsonl: \d+\).* exclude complaints_ngram --generator unknown",
            sql(_OF_UNKNOWN_ORIGIN, _CAME_IN_A_FILE, _FILE_ON_RECORD),
        ),
    ],
    ("monitoring", "frozen_slices_read"): [
        Break(
            "a slice was dropped",
            "1 frozen slices have no observation",
            sql("delete from monitoring.observations where slice = 'terse'"),
        ),
        Break(
            "a slice was added",
            "1 were never frozen",
            sql("insert into monitoring.observations values ('flattering', 'accuracy', 1, 0, 50, '1.0.0')"),
        ),
        Break(
            "a slice was not read",
            "1 frozen slices have no observation",
            sql("update monitoring.observations set value = null where slice = 'terse'"),
        ),
        Break(
            "no slices at all",
            "materialize training",
            sql("delete from training.slices", "delete from monitoring.observations"),
        ),
        Break(
            "a score of another state of the ruler",
            "^1 scores were made against another state of the ruler",
            sql("update training.results set registry_state = 'before' where arm = 'mix' and slice = 'terse'"),
        ),
        Break(
            "scores of before their state was kept",
            "scores were made against another state of the ruler",
            sql("update training.results set registry_state = null"),
        ),
    ],
    ("monitoring", "no_slice_below_baseline"): [
        Break(
            "worse than always saying the commonest",
            "below the baseline on: terse;",
            sql("update monitoring.observations set value = baseline - 0.01 where slice = 'terse'"),
        ),
    ],
    ("retirement", "status_is_dated"): [
        Break("a release without a status", "no status for 1.0.0", sql("delete from retirement.statuses")),
        Break("overdue", "1.0.0 should be retired", sql("update retirement.statuses set status = 'overdue'")),
        Break(
            "its last day passed since the status was written",
            "1.0.0 should be retired",
            sql("update retirement.statuses set review_by = '2000-01-01', retire_by = '2000-01-02'"),
        ),
    ],
    ("retirement", "review_not_due"): [
        Break("review is due", "1.0.0: Complaints Data", sql("update retirement.statuses set status = 'review_due'")),
        Break(
            "its day came since the status was written",
            "1.0.0: Complaints Data",
            sql("update retirement.statuses set review_by = '2000-01-01'"),
        ),
    ],
}

ACCEPTS: dict[tuple[str, str], list[Accept]] = {
    ("release", "unknown_share"): [
        Accept(
            "rows of unknown origin that the card allows",
            both(
                sql(_OF_UNKNOWN_ORIGIN),
                card("  include_anchors: true", "  max_unknown_share: 1.0\n  include_anchors: true"),
            ),
        ),
    ],
    ("release", "folder_matches_manifest"): [
        Accept(
            "a retired release without its folder, beside an active one",
            sql(
                "insert into release.releases select '0.9.0', content_digest, folder_digest, 'retired', rows,"
                " generated, made_at, now(), 'its licence ended' from release.releases"
            ),
        ),
    ],
    ("monitoring", "frozen_slices_read"): [
        Accept(
            "a slice too small to be answered, then and now",
            sql("update monitoring.observations set value = null, baseline = null where slice = 'terse_complaints'"),
        ),
    ],
    ("monitoring", "no_slice_below_baseline"): [
        Accept(
            "below it on the commonest class, where the baseline is always right",
            sql("update monitoring.observations set value = 0.5, baseline = 1 where slice = 'negative'"),
        ),
        Accept("at the baseline", sql("update monitoring.observations set value = baseline where name = 'accuracy'")),
    ],
    ("retirement", "status_is_dated"): [
        Accept(
            "a retired release past its day",
            sql(
                f"{_RETIRED}, retired_at = now(), retired_because = 'its licence ended'",
                "update retirement.statuses set status = 'retired', reason = 'its licence ended',"
                " retire_by = '2000-01-02'",
            ),
        ),
    ],
    ("retirement", "review_not_due"): [
        Accept(
            "a retired release past its day",
            sql("update retirement.statuses set status = 'retired', review_by = '2000-01-01'"),
        ),
    ],
}
