"""How generation can be wrong, and what else than the finished life is right: check by check."""

from __future__ import annotations

from careful_assets_tests.life.damage import Accept, Break, both, card, sql

_TRAIN = "(select min(row_id) from anchors.rows where split = 'train')"
_REQUEST = "(select min(request_id) from generation.requests)"
_CANDIDATE = "(select min(row_id) from generation.candidates)"
_ROWS_GONE = f"delete from generation.candidates where request_id = {_REQUEST}"
_ONE_FAILED = (_ROWS_GONE, f"update generation.requests set status = 'failed' where request_id = {_REQUEST}")
_NEVER_SENT = (
    _ROWS_GONE,
    "update generation.requests set status = 'held_back', cause = 'budget: 37 of 37 requests', requested_at = null,"
    f" attempts = 0, answered_at = null where request_id = {_REQUEST}",
)
_BUDGET = ("  max_rounds: 1", "  budget: {requests: 37}\n  max_rounds: 1")


# As generation loads rows that came in a file.
_FROM_A_FILE = (
    "update generation.requests set generator_family = 'unknown', round = 0, prompt_sha256 = '', rendered_prompt = '',"
    f" parent_ids = [], prompt_tokens = null, latency_s = null where request_id = {_REQUEST}"
)
_THE_FILE = (
    f"""update generation.requests set params = '{{"file_digest":"{"0" * 64}","lines":[1]}}'"""
    f" where request_id = {_REQUEST}"
)


def _twice(table: str, where: str) -> str:
    return f"insert into {table} select * from {table} where {where}"


BREAKS: dict[tuple[str, str], list[Break]] = {
    ("generation", "requests_accounted_for"): [
        Break("no request", "0 of 0 requests", sql("delete from generation.requests")),
        Break(
            "a request without outcome",
            "1 of 38 requests have no outcome",
            sql(f"update generation.requests set status = 'missing' where request_id = {_REQUEST}"),
        ),
        Break(
            "an answer without rows",
            "1 do not add up",
            sql(f"delete from generation.candidates where request_id = {_REQUEST}"),
        ),
        Break(
            "rows without an answer",
            "1 do not add up",
            sql(f"update generation.requests set status = 'failed' where request_id = {_REQUEST}"),
        ),
        Break(
            "more rows than asked for",
            "1 do not add up",
            sql(f"update generation.requests set completions = 1 where request_id = {_REQUEST}"),
        ),
        Break("held back by no budget", "1 requests are held back, but the card sets no budget", sql(*_NEVER_SENT)),
        Break(
            "held back, and yet there are rows",
            "1 do not add up",
            sql(f"update generation.requests set status = 'held_back' where request_id = {_REQUEST}"),
        ),
        Break("too many failed", "1 failed; the card allows 0.0% to fail", sql(*_ONE_FAILED)),
    ],
    ("generation", "records_complete"): [
        Break("a row that came in a file that nobody names", "1 requests with holes", sql(_FROM_A_FILE)),
        Break(
            "a row of no known generator that no file brought",
            "1 requests with holes",
            sql(f"update generation.requests set generator_family = 'unknown' where request_id = {_REQUEST}"),
        ),
        Break(
            "a row that no round asked for",
            "1 requests with holes",
            sql(f"update generation.requests set round = 0 where request_id = {_REQUEST}"),
        ),
        Break(
            "a request's record is gone",
            "[1-9] candidates without a request",
            sql(f"delete from generation.requests where request_id = {_REQUEST}"),
        ),
        Break(
            "no time of asking",
            "1 requests with holes",
            sql(f"update generation.requests set requested_at = null where request_id = {_REQUEST}"),
        ),
        Break(
            "no parents",
            "1 requests with holes",
            sql(f"update generation.requests set parent_ids = [] where request_id = {_REQUEST}"),
        ),
        Break(
            "no prompt",
            "1 requests with holes",
            sql(f"update generation.requests set rendered_prompt = '' where request_id = {_REQUEST}"),
        ),
        Break(
            "an answer that took no known tokens",
            "1 requests with holes",
            sql(f"update generation.requests set completion_tokens = null where request_id = {_REQUEST}"),
        ),
        Break("a record twice", "1 ids that repeat", sql(_twice("generation.requests", f"request_id = {_REQUEST}"))),
        Break("a row twice", "1 ids that repeat", sql(_twice("generation.candidates", f"row_id = {_CANDIDATE}"))),
    ],
    ("generation", "parents_are_exemplars"): [
        Break(
            "a train row was shown",
            "1 rows that are no exemplars",
            sql(f"update generation.requests set parent_ids = [{_TRAIN}] where request_id = {_REQUEST}"),
        ),
        Break(
            "a row that is in no open split was shown",
            "1 rows that are no exemplars",
            sql(f"update generation.requests set parent_ids = ['sealed'] where request_id = {_REQUEST}"),
        ),
        Break(
            "exemplars became train rows",
            r"[1-9]\d* rows that are no exemplars",
            sql("update anchors.rows set split = 'train' where split = 'exemplar'"),
        ),
    ],
    ("generation", "prompts_hold_no_personal_data"): [
        Break(
            "a prompt shows an address to write to",
            r"1 prompts show personal data \(email 1\)",
            sql(
                "update generation.requests set rendered_prompt = 'write to jane.doe@example.org' where request_id ="
                f" {_REQUEST}"
            ),
        ),
    ],
}

ACCEPTS: dict[tuple[str, str], list[Accept]] = {
    ("generation", "requests_accounted_for"): [
        Accept(
            "a failure within the card's share",
            both(sql(*_ONE_FAILED), card("  max_rounds: 1", "  max_failed_share: 0.03\n  max_rounds: 1")),
        ),
        Accept("held back by the card's budget", both(sql(*_NEVER_SENT), card(*_BUDGET))),
    ],
    ("generation", "records_complete"): [
        Accept("a row that came in a file", sql(_FROM_A_FILE, _THE_FILE)),
        Accept("what was held back was never sent", both(sql(*_NEVER_SENT), card(*_BUDGET))),
    ],
    ("generation", "prompts_hold_no_personal_data"): [
        Accept(
            "a masked one",
            sql(f"update generation.requests set rendered_prompt = 'write to [email]' where request_id = {_REQUEST}"),
        ),
    ],
}
