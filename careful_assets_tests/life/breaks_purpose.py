"""How a dataset's purpose, and what a release still rests on, can be wrong, and what else is right: check by check."""

from __future__ import annotations

from careful_assets_tests.life.damage import Accept, Break, both, card, sql

_UNTIL = "valid_until: {owner: 2999-01-01, verifier: 2999-01-01, anchors: 2999-01-01}"


def _lapsed(key: str) -> tuple[str, str]:
    return _UNTIL, _UNTIL.replace(f"{key}: 2999-01-01", f"{key}: 2000-01-01")


BREAKS: dict[tuple[str, str], list[Break]] = {
    ("purpose", "careful_is_answered"): [
        Break("a letter is missing", "no answer for E", sql("delete from purpose.answers where letter = 'E'")),
        Break("an answer is blank", "no answer for U", sql("update purpose.answers set answer=' ' where letter='U'")),
        Break("no evidence", "no answer for R", sql("update purpose.answers set evidence = '' where letter = 'R'")),
        Break("the card changed since", "not that of the current card", card("licence: MIT", "licence: CC0")),
        Break("no limits", "not those that the card's damage demands", sql("delete from purpose.limits")),
        Break(
            "a cap was raised",
            "not those that the card's damage demands",
            sql("update purpose.limits set max_synthetic_share_cap = 0.9"),
        ),
    ],
    ("purpose", "gap_counts_hold"): [
        Break("the card boasts", "claims 260, the anchors hold 259", card("current_count: 259", "current_count: 260")),
        Break(
            "the card is modest", "claims 258, the anchors hold 259", card("current_count: 259", "current_count: 258")
        ),
        Break(
            "an anchor is gone",
            "hold 25[0-8]",
            sql(
                "delete from anchors.rows where label = 'very_negative'"
                " and group_id = (select min(group_id) from anchors.rows"
                " where label = 'very_negative')"
            ),
        ),
        Break(
            "reality filled the gap since",
            "already filled, the anchors hold 1181 and the target is 559",
            sql("update anchors.vault_counts set in_source = in_source + 922 where label = 'very_negative'"),
        ),
    ],
    ("purpose", "ruler_sees_the_wish"): [
        Break("nobody asked the ruler", "about very_negative", sql("delete from purpose.ruler")),
        Break(
            "too few rows for the wish",
            r"seen from 0\.\d{3} on.* wishes to see 0\.1, which takes 240 more sealed real rows of the class, about "
            "800 collected ones at 30 percent sealed",
            sql("update purpose.ruler set wished_change = 0.1, more_rows = 240"),
        ),
        Break(
            "so few rows that nothing shows",
            "cannot be seen with 19 effective rows: no change up to 0.3 reaches a power of 0.8",
            sql("update purpose.ruler set effective_rows = 19, visible_change = null, more_rows = 60"),
        ),
        Break(
            "a wish that no ruler grants",
            "not even a million rows more would show it",
            sql("update purpose.ruler set wished_change = 0.001, more_rows = null"),
        ),
    ],
    ("purpose", "simulated_rows_exist"): [
        Break(
            "the split holds no such row",
            "the exemplar split holds no row of very_negative",
            sql("update purpose.simulated set rows = 0"),
        ),
        Break("nothing was counted", "holds no row of very_negative", sql("delete from purpose.simulated")),
        Break(
            "the card draws from another split",
            "the holdout split holds no row of very_negative",
            card("split: exemplar", "split: holdout"),
        ),
    ],
    ("purpose", "collecting_is_slower"): [
        Break(
            "collecting is faster and costs the same",
            r"very_negative: collecting 300 rows takes 0 seconds and 0\.00 EUR, generating them \d+\.\d minutes",
            sql("update purpose.gaps set collect_days = 0, collect_cost = 0"),
        ),
        Break(
            "collecting is as fast and as cheap",
            "collect real rows instead",
            sql("update purpose.gaps set collect_days = generate_days, collect_cost = generate_cost"),
        ),
    ],
    ("release", "answers_still_valid"): [
        Break(
            "nobody vouches for the owner",
            r"the owner \(Complaints Data\) was vouched for until 2000-01-01; .* lifecycle.valid_until.owner",
            card(*_lapsed("owner")),
        ),
        Break(
            "nobody vouches for the verifier",
            r"the verifier \(Two classifiers .*\) was vouched for until 2000-01-01; .* lifecycle.valid_until.verifier",
            card(*_lapsed("verifier")),
        ),
        Break(
            "nobody vouches for the anchors",
            r"the anchors \(amazon_reviews, of Complaints Data\) was vouched for until 2000-01-01; .*_until.anchors",
            card(*_lapsed("anchors")),
        ),
        Break(
            "another source was read",
            "the anchors were read from another source than the card names",
            sql("update anchors.sources set sha256 = repeat('0', 64)"),
        ),
        Break("no source is on record", "read from another source", sql("delete from anchors.sources")),
        Break(
            "the ruler changed since training",
            "training.mixes is of another state of the ruler.*training.slices is of another",
            sql("update anchors.vault_counts set registry_state = 'newer'"),
        ),
        Break(
            "one mix was scored on an older ruler",
            "^training.mixes is of another state of the ruler",
            sql("update training.mixes set registry_state = 'older' where arm = (select min(arm) from training.mixes)"),
        ),
        Break("no slice is frozen", "training.slices is of another state", sql("delete from training.slices")),
        Break("nothing is sealed", "training.mixes is of another state", sql("delete from anchors.vault_counts")),
    ],
}

ACCEPTS: dict[tuple[str, str], list[Accept]] = {
    ("purpose", "careful_is_answered"): [
        Accept(
            "answers in another order",
            sql("create or replace table purpose.answers as select * from purpose.answers order by letter desc"),
        ),
    ],
    ("purpose", "gap_counts_hold"): [
        Accept(
            "one row short of the target",
            both(
                sql("update anchors.vault_counts set in_source = in_source + 299 where label = 'very_negative'"),
                card("current_count: 259", "current_count: 558"),
            ),
        ),
    ],
    ("purpose", "ruler_sees_the_wish"): [
        Accept("exactly the wish", sql("update purpose.ruler set visible_change = wished_change")),
    ],
    ("purpose", "simulated_rows_exist"): [
        Accept("a single row", sql("update purpose.simulated set rows = 1")),
    ],
    ("purpose", "collecting_is_slower"): [
        Accept("collecting is faster, but dearer", sql("update purpose.gaps set collect_days = 0")),
        Accept("collecting is cheaper, but slower", sql("update purpose.gaps set collect_cost = 0, generate_cost = 9")),
    ],
    ("release", "answers_still_valid"): [
        Accept(
            "an earlier vintage had another digest",
            sql(
                "insert into anchors.sources"
                " select * replace (0 as vintage, repeat('0', 64) as sha256) from anchors.sources"
            ),
        ),
        Accept("the release was retired since", sql("update release.releases set status = 'retired'")),
    ],
}
