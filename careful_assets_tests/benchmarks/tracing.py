"""One row's story out of a million, beside the same on tables in another order: run by `make bench`, asserted nowhere.

The warehouse is written by statements, as the stages would leave it: each table's rows in the order of their ids. The
peer is the same warehouse with every table shuffled. `build` makes a small one for the test, too.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from careful_assets.operations.trace import trace_row
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.migrations import migrate
from careful_assets_tests.cli.projects import CAREFUL

CANDIDATES, TRACED, COMMANDS, PEERS = 1_000_000, 100, 7, 10
COMPLETIONS, GATES, ANCHORS = 8, 17, 2_000
SHIPPED, SHUFFLED = "reviews_1m", "shuffled_1m"
# Nothing here is drawn: row i of every table follows from i.
_STATEMENTS = f"""
create temp table rows as
    select sha256('row' || i) as row_id, sha256('request' || i // {COMPLETIONS}) as request_id,
        i % {COMPLETIONS} as nth, i
    from range($candidates) as numbers(i) order by row_id;
create temp table anchors as
    select sha256('anchor' || i) as row_id, i from range({ANCHORS}) as numbers(i) order by row_id;

insert into anchors.rows
    select row_id, 'A real complaint, number ' || i, 'negative', 'customer' || i // 3, 'reviews', 1, 'train', [1, 2, 3]
    from anchors;
insert into generation.requests by name
    select sha256('request' || i) as request_id, 1 as round, 'negative' as stratum, 'plain' as prompt_id,
        sha256('template') as prompt_sha256, repeat('Write a complaint like these. ', 20) || i as rendered_prompt,
        'writer' as generator_id, 'writers' as generator_family, sha256('weights') as generator_digest,
        '{{"temperature":0.9}}' as params, i * {COMPLETIONS} as seed, {COMPLETIONS} as completions,
        [sha256('anchor' || (i * 7 + k) % {ANCHORS}) for k in range(3)] as parent_ids, 'answered' as status,
        1 as attempts, false as resent
    from range($candidates // {COMPLETIONS}) as numbers(i) order by request_id;
insert into generation.candidates by name
    select row_id, request_id, nth as ordinal,
        'The product broke after ' || i % 97 || ' days, says ' || md5(row_id) as text,
        'negative' as requested_label, 'rare_class' as artifact_type, 'stop' as finish_reason, 1 as depth
    from rows;
insert into filtering.decisions by name
    select row_id, 'gate_' || gate as gate, 1 as gate_version, gate as position, true as passed,
        i % 1000 / 1000 as score, 0.7 as threshold
    from rows, range({GATES}) as gates(gate) order by row_id;
insert into labeling.votes
    select row_id, judge, 'family', 'negative', 0.9
    from rows, (values ('one'), ('two')) as judges(judge) order by row_id;
insert into labeling.labels select row_id, 'negative', 'consensus', true from rows;
insert into labeling.reviews
    select i, row_id, 'ada@example.org', 'agreed', 'negative', timestamptz '2026-01-02' from rows where i % 20 = 0;
insert into training.mixes select 'mix', 'mix', row_id, 'generated', 'negative', 1, sha256('model'), 'state' from rows;
insert into training.runs
    select i, 'mix', 'mix', row_id, 'generated', sha256('model'), 'state', 'run', timestamptz '2026-01-03' from rows;
insert into training.records by name
    select made.i as seq, made.row_id, asked.request_id, made.nth as ordinal, asked.round, asked.prompt_id,
        asked.prompt_sha256, asked.generator_id, asked.generator_family, asked.generator_digest, asked.params,
        asked.seed, asked.parent_ids, 'negative' as requested_label, 'negative' as label, 'consensus' as label_source,
        1 as depth, 'run' as run_id, timestamptz '2026-01-03' as recorded_at
    from rows as made join generation.requests as asked on asked.request_id = made.request_id order by made.row_id;
insert into release.rows
    select row_id, text, 'negative', 'generated', 'train', '1.0.0' from generation.candidates order by row_id;
insert into release.releases by name
    select '1.0.0' as version, 'content' as content_digest, 'folder' as folder_digest, 'active' as status,
        $candidates as rows, $candidates as generated, timestamptz '2026-01-04' as made_at;
insert into evaluation.detectors (detector, version, ran, rows_seen, sealed_rows, cause)
    select detector, 1, true, $candidates, 500, null from (values ('exact'), ('ngram')) as detectors(detector);
"""


def build(path: Path, candidates: int) -> None:
    """A warehouse with this many candidates, all of them kept, voted on, trained on and released."""
    path.parent.mkdir(parents=True, exist_ok=True)
    migrate(path)
    with connect(path) as con:
        for statement in duckdb.extract_statements(_STATEMENTS):
            wanted = {"candidates": candidates} if "candidates" in statement.named_parameters else {}
            con.execute(statement, wanted)


def incomplete(story: dict[str, Any]) -> list[str]:
    """What of a row's record in such a warehouse is missing."""
    request = story["request"]
    there = {
        "prompt": request["prompt_id"] == "plain" and len(request["rendered_prompt"]) > 500,
        "generator": bool(request["generator_id"] and request["generator_digest"]),
        "seed": request["seed"] is not None and story["candidate"]["ordinal"] is not None,
        "parents": len(story["parents"]) == 3 and all(parent["text"] for parent in story["parents"]),
        "decisions": [row["gate"] for row in story["decisions"]] == [f"gate_{gate}" for gate in range(GATES)],
        "votes": sorted(row["judge"] for row in story["votes"]) == ["one", "two"],
        "label": story["label"] is not None and story["label"]["label"] == "negative",
        "leak check": len(story["leak_check"]["detectors"]) == 2,
        "training runs": len(story["training_runs"]) == 1,
        "releases": [row["version"] for row in story["releases"]] == ["1.0.0"],
    }
    return [name for name, holds in there.items() if not holds]


def some_rows(path: Path, number: int) -> list[str]:
    """Ids of candidates, drawn by a fixed seed."""
    with connect(path, read_only=True) as con:
        ids = sorted(row_id for (row_id,) in con.table("generation.candidates").project("row_id").fetchall())
    return random.Random(5).sample(ids, number)


def shuffled(home: Home) -> None:
    """A copy of the warehouse whose tables lie in the order of a hash."""
    migrate(home.warehouse(SHUFFLED))
    with connect(home.warehouse(SHUFFLED)) as con:
        con.execute(f"attach '{home.warehouse(SHIPPED)}' as shipped (read_only)")
        for (table,) in con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'shipped' "
            "and estimated_size > 0 and table_name <> 'schema_version'"
        ).fetchall():
            columns = con.table(f"shipped.{table}").columns
            key = next((column for column in ("row_id", "request_id") if column in columns), columns[0])
            con.execute(f"insert into {table} select * from shipped.{table} order by hash({key})")


def stories(home: Home, dataset: str, row_ids: list[str]) -> list[float]:
    """Seconds that each row's story took; the first, which fills the caches, is not counted."""
    trace_row(home, [dataset], row_ids[0])
    taken = []
    for row_id in row_ids:
        begun = time.perf_counter()
        story = trace_row(home, [dataset], row_id)
        taken.append(time.perf_counter() - begun)
        assert incomplete(story) == [], row_id
    return taken


def commands(home: Home, project: Path, row_ids: list[str]) -> list[float]:
    """Seconds that `careful trace` took."""
    taken = []
    for row_id in row_ids:
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, CAREFUL, "trace", row_id, "--json"],
            cwd=project, env={"CAREFUL_HOME": str(home.root)}, check=True, capture_output=True,
        )  # fmt: skip
        taken.append(time.perf_counter() - begun)
    return taken


def main() -> None:
    """Print what the call and the command take, and the ratio to the call on shuffled tables."""
    with tempfile.TemporaryDirectory() as folder:
        home, project = Home(Path(folder) / "home"), Path(folder) / "project"
        card = project / "cards" / SHIPPED / "card.yaml"
        card.parent.mkdir(parents=True)
        card.touch()
        begun = time.perf_counter()
        build(home.warehouse(SHIPPED), CANDIDATES)
        took, size = time.perf_counter() - begun, home.warehouse(SHIPPED).stat().st_size
        print(f"{CANDIDATES:,} candidates, {CANDIDATES * GATES:,} decisions: {size >> 20:,} MiB, made in {took:.0f} s")
        rows = some_rows(home.warehouse(SHIPPED), TRACED)
        own = stories(home, SHIPPED, rows)
        whole = commands(home, project, rows[:COMMANDS])
        print(f"trace, {TRACED} rows: median {statistics.median(own) * 1000:.0f} ms, worst {max(own) * 1000:.0f} ms; "
              f"the command: median {statistics.median(whole):.2f} s, worst {max(whole):.2f} s")  # fmt: skip
        shuffled(home)
        other = stories(home, SHUFFLED, rows[:PEERS])
        longer = statistics.median(other) / statistics.median(own)
        larger = home.warehouse(SHUFFLED).stat().st_size / size
        print(f"shuffled tables, {PEERS} rows: median {statistics.median(other) * 1000:.0f} ms: {longer:.1f} times as "
              f"long, and {larger:.1f} times the file")  # fmt: skip


if __name__ == "__main__":
    main()
