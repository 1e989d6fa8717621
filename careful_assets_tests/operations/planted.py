"""A small warehouse with rows of every fate, written as the stages would leave it, so that every answer is known."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.tables import append

DATASET = "reviews"
TEMPLATE = "Write like these: {{ exemplars }}"
WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def digest(name: str) -> str:
    """An id as every id is: 64 hex digits."""
    return hashlib.sha256(name.encode()).hexdigest()


SHOWN, UNSHOWN, ERASED, GONE = (digest(f"anchor {name}") for name in ("shown", "unshown", "erased", "gone"))
REQUEST, SECOND, THIRD, INHERITED_REQUEST = (digest(f"request {number}") for number in range(4))
KEPT, REFUSED, STRUCK, GRANDCHILD, OTHER, INHERITED = (
    digest(name) for name in ("kept", "refused", "struck", "grandchild", "other", "inherited")
)
PROMPT, WRITER = hashlib.sha256(TEMPLATE.encode()).hexdigest(), digest("weights")


def project(root: Path) -> tuple[Path, Home]:
    """A project's folder with a card's folder and its prompt, and a home with the planted warehouse."""
    folder = root / "project" / "cards" / DATASET
    (folder / "prompts").mkdir(parents=True)
    (folder / "card.yaml").touch()
    (folder / "prompts" / "plain.jinja").write_text(TEMPLATE, encoding="utf-8")
    home = Home(root / "home").prepare()
    migrate(home.warehouse(DATASET))
    with connect(home.warehouse(DATASET)) as con:
        _plant(con)
    return root / "project", home


def add(con: duckdb.DuckDBPyConnection, table: str, *rows: dict[str, Any]) -> None:
    """Rows of a table; the columns that they do not name are null."""
    empty = con.table(table).limit(0).pl()
    append(con, table, pl.DataFrame([dict.fromkeys(empty.columns) | row for row in rows], schema=empty.schema))


def turn_over(home: Home, folder: bool = True) -> None:
    """Leave of KEPT what another card's candidates leave: its record, its releases, and their folder if `folder`."""
    asked = {"request_id": REQUEST, "round": 1, "prompt_id": "plain", "prompt_sha256": PROMPT, "generator_id": "writer",
        "generator_family": "writers", "generator_digest": WRITER, "params": "{}", "seed": 10,
        "parent_ids": [SHOWN]}  # fmt: skip
    made = {"row_id": KEPT, "ordinal": 0, "requested_label": "bad", "depth": 1, "label_source": "judge"}
    with connect(home.warehouse(DATASET)) as con:
        add(con, "training.records", asked | made | {"seq": 1, "label": "bad", "run_id": "r", "recorded_at": WHEN})
        for table in ("generation.candidates", "filtering.decisions", "labeling.votes", "labeling.labels"):
            con.execute(f"delete from {table} where row_id = '{KEPT}'")
        con.execute(f"delete from generation.requests where request_id = '{REQUEST}'")
        con.execute(f"delete from generation.candidates where request_id = '{REQUEST}'")
    if folder:
        release_folder(home, made | asked)


def release_folder(home: Home, record: dict[str, Any]) -> None:
    """The records of release 2.0.0, with this one, where the release's folder would lie."""
    place = home.releases(DATASET) / "2.0.0"
    place.mkdir(parents=True)
    told = {"artifact_type": "rare_class", "finish_reason": "stop", "rendered_prompt": "Write like these: one",
        "votes": ["one: bad"], "reviewer": "ada", "review": "agreed", "reviewed_at": WHEN}  # fmt: skip
    pl.DataFrame([record | told]).write_parquet(place / "provenance.parquet")


def _plant(con: duckdb.DuckDBPyConnection) -> None:
    card = {"generation": {"prompts": ["prompts/plain.jinja"]}}
    add(con, "purpose.cards", {"card_digest": "c", "profile_digest": "p", "card": json.dumps(card)})
    for row_id, split in ((SHOWN, "exemplar"), (UNSHOWN, "train")):
        add(con, "anchors.rows", {"row_id": row_id, "text": f"A real\x1b[31m row in {split}.", "label": "bad",
            "group_id": "g", "source": "shop", "vintage": 1, "split": split})  # fmt: skip
    made = {"stratum": "bad", "params": "{}", "completions": 2, "status": "answered", "attempts": 1, "resent": False}
    writer = made | {"round": 1, "generator_id": "writer", "generator_family": "writers", "generator_digest": WRITER,
        "prompt_id": "plain", "prompt_sha256": PROMPT,
        "rendered_prompt": "\n".join(["Write like these:"] * 40)}  # fmt: skip
    add(
        con, "generation.requests",
        writer | {"request_id": REQUEST, "seed": 10, "parent_ids": [SHOWN]},
        writer | {"request_id": SECOND, "seed": 20, "parent_ids": [KEPT]},
        writer | {"request_id": THIRD, "seed": 30, "parent_ids": [UNSHOWN], "prompt_id": "older",
                  "prompt_sha256": digest("older"), "generator_id": "author", "generator_digest": digest("author")},
        made | {"request_id": INHERITED_REQUEST, "round": 0, "seed": 0, "parent_ids": [], "prompt_id": "unknown",
                "prompt_sha256": "", "rendered_prompt": "", "generator_id": "unknown", "generator_family": "unknown",
                "generator_digest": "unknown"},
    )  # fmt: skip
    candidate = {"requested_label": "bad", "artifact_type": "rare_class", "finish_reason": "stop", "depth": 1}
    of = ((KEPT, REQUEST, 0), (REFUSED, REQUEST, 1), (GRANDCHILD, SECOND, 0), (STRUCK, SECOND, 1), (OTHER, THIRD, 0),
          (INHERITED, INHERITED_REQUEST, 0))  # fmt: skip
    add(con, "generation.candidates", *(candidate | {"row_id": row_id, "request_id": request, "ordinal": ordinal,
        "text": f"Text {row_id[:4]}\x07"} for row_id, request, ordinal in of))  # fmt: skip
    gate = {"gate_version": 1, "position": 0, "passed": True}
    add(con, "filtering.decisions",
        *(gate | {"row_id": row_id, "gate": "format"} for row_id, _, _ in of),
        gate | {"row_id": REFUSED, "gate": "near_duplicate", "position": 1, "passed": False, "score": 0.9,
                "threshold": 0.7, "reason": "resembles_anchor", "matched_row_id": SHOWN})  # fmt: skip
    kept = [row_id for row_id, _, _ in of if row_id != REFUSED]
    add(con, "labeling.votes", *({"row_id": row_id, "judge": "one", "family": "f", "label": "bad"} for row_id in kept))
    add(con, "labeling.labels",
        *({"row_id": one, "label": "bad", "label_source": "judge", "confirmed": True} for one in kept))  # fmt: skip
    add(con, "labeling.reviews", {"seq": 1, "row_id": KEPT, "reviewer": "ada", "decision": "agreed", "label": "bad",
        "reviewed_at": WHEN})  # fmt: skip
    add(con, "evaluation.detectors", {"detector": "exact", "version": 1, "ran": True, "rows_seen": 6, "sealed_rows": 9},
        {"detector": "ngram", "version": 1, "ran": False, "rows_seen": 6, "sealed_rows": 0,
         "cause": "died"})  # fmt: skip
    add(con, "evaluation.leaks", {"row_id": STRUCK, "eval_row_digest": "e" * 64, "detector": "exact", "score": 1.0,
        "threshold": 1.0, "evidence": "the same"})  # fmt: skip
    version = {"card_digest": "c", "run_id": "r", "made_at": WHEN}
    add(con, "provenance.versions",
        version | {"seq": 1, "stage": "generation", "data_version": "g1", "upstream": "{}"},
        version | {"seq": 2, "stage": "evaluation", "data_version": "e1",
                   "upstream": '{"generation": "g1"}'})  # fmt: skip
    run = {"mix_id": "mix1", "arm": "mix", "model_digest": "m" * 64, "registry_state": "s", "run_id": "r",
        "trained_at": WHEN}  # fmt: skip
    add(con, "training.runs", run | {"seq": 1, "row_id": KEPT, "origin": "generated"},
        run | {"seq": 2, "row_id": UNSHOWN, "origin": "real"})  # fmt: skip
    out = {"text": "t", "label": "bad", "split": "train"}
    add(con, "release.rows",
        *(out | {"row_id": KEPT, "origin": "generated", "version": one} for one in ("1.0.0", "10.0.0", "2.0.0")),
        out | {"row_id": UNSHOWN, "origin": "real", "version": "1.0.0"})  # fmt: skip
    released = {"content_digest": "c", "folder_digest": "f", "rows": 2, "generated": 1, "made_at": WHEN}
    add(con, "release.releases",
        released | {"version": "1.0.0", "status": "retired", "retired_at": WHEN, "retired_because": "A person asked."},
        *(released | {"version": version, "status": "active"} for version in ("2.0.0", "10.0.0")))  # fmt: skip
    word = {"reason": "Bad batch.", "withdrawn": False, "recorded_at": WHEN, "run_id": "r"}
    add(con, "filtering.exclusions",
        word | {"seq": 1, "kind": "seed", "item": "11..11"}, word | {"seq": 2, "kind": "anchor", "item": SHOWN},
        word | {"seq": 3, "kind": "prompt", "item": PROMPT},
        word | {"seq": 4, "kind": "prompt", "item": PROMPT, "withdrawn": True})  # fmt: skip
    add(con, "provenance.inherited_files", {"file_digest": digest("file"), "file_name": "training_v3.jsonl", "rows": 9,
        "text_column": "text", "thresholds": "{}", "inherited_at": WHEN})  # fmt: skip
    add(con, "provenance.inherited", {"file_digest": digest("file"), "line": 7, "origin": "unknown",
        "row_id": INHERITED})  # fmt: skip
    add(con, "provenance.erased", {"erasure_id": "erasure1", "kind": "anchor", "item": ERASED})
    gone = {"erasure_id": "erasure1", "row_id": ERASED, "reason": "They asked.", "recorded_at": WHEN}
    add(con, "provenance.erasures", gone | {"seq": 1, "status": "begun"},
        gone | {"seq": 2, "status": "done", "receipt": '{"rows": 3}'})  # fmt: skip
