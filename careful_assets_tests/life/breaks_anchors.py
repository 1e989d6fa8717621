"""How anchors can be wrong, and what else than the finished life's is right: check by check."""

from __future__ import annotations

from careful_assets_tests.life.damage import Accept, Break, card, sql

_OPEN = "(select min(row_id) from anchors.rows)"
_DRIFT = "insert into anchors.drift values (1, 'vocabulary', 0.31, 1000, 0.3, null)"


def _twice(table: str, where: str) -> str:
    return f"insert into {table} select * from {table} where {where}"


BREAKS: dict[tuple[str, str], list[Break]] = {
    ("anchors", "source_matches_card"): [
        Break(
            "another source",
            "by vintage, digest or licence",
            sql("update anchors.sources set sha256 = repeat('0', 64)"),
        ),
        Break("another licence", "licence", sql("update anchors.sources set licence = 'proprietary'")),
        Break("the card names another", "digest", card("licence: MIT", "licence: CC0")),
    ],
    ("anchors", "anchors_conserved"): [
        Break("a row is lost", "3708 rows = 2629 open", sql(f"delete from anchors.rows where row_id = {_OPEN}")),
        Break("a row is there twice", "2631 open", sql(_twice("anchors.rows", f"row_id = {_OPEN}"))),
        Break(
            "a row stands in another's place",
            r"repeat \(1 row ids\)",
            sql(
                f"update anchors.rows set row_id = {_OPEN} where row_id = (select max(row_id) from anchors.rows"
                f" where group_id in (select group_id from anchors.rows group by group_id having count(*) > 1))"
            ),
        ),
        Break(
            "two groups become one",
            r"300 groups = 220 \+ 79",
            sql(
                "update anchors.rows set group_id = (select min(group_id) from anchors.rows)"
                " where group_id = (select max(group_id) from anchors.rows)"
            ),
        ),
        Break("sealed rows are lost", "1077 sealed", sql("update anchors.sources set sealed_rows = sealed_rows - 1")),
    ],
    ("anchors", "splits_are_disjoint"): [
        Break(
            "a row moved to another split",
            "1 groups and 0 texts stand in two splits",
            sql(
                "update anchors.rows set split = 'holdout' where row_id = (select min(row_id) from anchors.rows"
                " where split = 'train' and group_id in (select group_id from anchors.rows group by group_id"
                " having count(*) > 1))"
            ),
        ),
        Break(
            "a text stands in two splits",
            "1 texts stand in two splits",
            sql(
                "update anchors.history set text_hash ="
                " (select min(text_hash) from anchors.history where split = 'train')"
                " where row_id = (select min(row_id) from anchors.history where split = 'holdout')"
            ),
        ),
        Break(
            "vault rows lie open",
            r"[1-9]\d* rows in none that may be open",
            sql("update anchors.rows set split = 'vault' where split = 'holdout'"),
        ),
    ],
    ("anchors", "class_minimums"): [
        Break(
            "an open class is thin",
            "1 classes are too thin, e.g. very_negative has 0 rows in exemplar",
            sql("delete from anchors.rows where split = 'exemplar' and label = 'very_negative'"),
        ),
        Break(
            "a sealed class is thin",
            "neutral has 19 rows in vault",
            sql("update anchors.vault_counts set n = 19 where label = 'neutral'"),
        ),
    ],
    ("anchors", "contract_holds"): [
        Break(
            "an expectation fails",
            "1 of 9 expectations fail, e.g. number 2, expect_column_value_lengths_to_be_between of column 'text': 3 of",
            sql("update anchors.contract set passed = false, unexpected = 3 where expectation = 2"),
        ),
        Break("nothing was asked", "were not held against the contract", sql("delete from anchors.contract")),
        Break(
            "the contract was another",
            "were not held against the contract",
            sql("update anchors.contract set contract_sha256 = repeat('0', 64) where expectation = 1"),
        ),
    ],
    ("anchors", "contract_advice"): [
        Break(
            "advice is not met",
            "1 of 1 expectations fail, e.g. number 2",
            sql("update anchors.contract set severity = 'warning', passed = false where expectation = 2"),
        ),
    ],
    ("anchors", "vintages_conserved"): [
        Break(
            "rows came unlisted",
            r"2629 open rows before - 0 removed \+ 0 added are not 2630",
            sql("update anchors.history set vintage = 0", f"delete from anchors.history where row_id = {_OPEN}"),
        ),
        Break(
            "a removal is listed that was none",
            "- 1 removed",
            sql(
                "update anchors.history set vintage = 0",
                f"insert into anchors.changes values (1, 'removed', 'train', {_OPEN}, null)",
            ),
        ),
    ],
    ("anchors", "drift_within_limits"): [
        Break("words drifted", r"moved too far.*vocabulary 0\.310 \(limit 0\.3\)", sql(_DRIFT)),
    ],
}

ACCEPTS: dict[tuple[str, str], list[Accept]] = {
    ("anchors", "contract_holds"): [
        Accept("the card names no contract", card("  contract: expectations.json", "  #")),
        Accept(
            "only advice is not met",
            sql("update anchors.contract set severity = 'warning', passed = false where expectation = 2"),
        ),
    ],
    ("anchors", "contract_advice"): [
        Accept("the card names no contract", card("  contract: expectations.json", "  #")),
        Accept(
            "only information is not met",
            sql("update anchors.contract set severity = 'info', passed = false where expectation = 2"),
        ),
    ],
    ("anchors", "splits_are_disjoint"): [
        Accept(
            "a row was set aside",
            sql(
                f"update anchors.rows set split = 'aside' where row_id = {_OPEN}",
                f"update anchors.history set split = 'aside' where row_id = {_OPEN}",
            ),
        ),
    ],
    ("anchors", "vintages_conserved"): [
        Accept(
            "a row came and is listed",
            sql(
                "update anchors.history set vintage = 0",
                f"update anchors.history set vintage = 1 where row_id = {_OPEN}",
                f"insert into anchors.changes values (1, 'added', 'train', {_OPEN}, null)",
            ),
        ),
    ],
    ("anchors", "drift_within_limits"): [
        Accept("an earlier vintage drifted", sql(_DRIFT.replace("(1,", "(0,"))),
        Accept("drift up to the limit", sql(_DRIFT.replace("0.31", "0.3"))),
    ],
}
