"""A life as told in OpenLineage: ids, states, facets, schemas, edges, and no row's text."""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import careful_assets
from careful_assets.build import build_defs
from careful_assets.filtering import stage as filtering_stage
from careful_assets.provenance import assets
from careful_assets.provenance.lineage.naming import JOBS, PRODUCER, job_name, run_id
from careful_assets.provenance.lineage.outbox import events_file, outbox_file
from careful_assets.provenance.stage import Made, run_stage
from careful_assets.provenance.stages import STAGES, TABLES
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.tables import read
from careful_assets_tests.house.test_light_imports import loaded_by
from careful_assets_tests.life.arrange import DATASET, Life
from careful_assets_tests.provenance.collectors import events_in

SPEC = Path(careful_assets.__file__).parent.parent.parent / "shared" / "spec" / "openlineage"
SCHEMAS = Path(careful_assets.__file__).parent / "provenance" / "lineage" / "schemas"
ENDS = {"COMPLETE", "FAIL", "ABORT"}
OUTPUT = {"schema", "version", "datasetType", "ownership", "tags"}
Event = dict[str, Any]


@pytest.fixture(scope="module")
def events(finished_life: Life) -> list[Event]:
    """What the finished life's one run told."""
    return events_in(events_file(finished_life.home))


def of(events: list[Event], stage: str, state: str = "COMPLETE") -> Event:
    """The one event of a stage in a state."""
    (event,) = [e for e in events if e["job"]["name"] == f"{DATASET}/{stage}" and e["eventType"] == state]
    return event


def dataset_in(event: Event, side: str, name: str) -> Event:
    """The one input or output whose name ends so."""
    (found,) = [dataset for dataset in event[side] if dataset["name"].endswith(name)]
    return found


def facets_of(event: Event) -> list[tuple[str, Event]]:
    """Every facet of an event, by key."""
    holders = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    groups = [holder.get(kind, {}) for holder in holders for kind in ("facets", "inputFacets", "outputFacets")]
    return [(key, facet) for group in groups for key, facet in group.items()]


def test_every_event_has_its_keys(events: list[Event]) -> None:
    """Each event names its time in UTC, producer, schema, run, job and Dagster run, and each facet who made it."""
    assert len(events) == 3 * len(STAGES)
    parents = set()
    for event in events:
        assert datetime.fromisoformat(event["eventTime"]).utcoffset() == timedelta(0)
        assert event["producer"] == PRODUCER
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
        assert uuid.UUID(event["run"]["runId"]).version == 5
        assert event["job"]["namespace"] == JOBS
        assert {"parent", "processing_engine"} <= event["run"]["facets"].keys()
        assert event["job"]["facets"].keys() == {"jobType", "documentation", "ownership", "tags"}
        parent = event["run"]["facets"]["parent"]
        assert parent["root"]["run"]["runId"] == parent["run"]["runId"]
        assert parent["job"]["name"] == f"{DATASET}__life"
        parents.add(parent["run"]["runId"])
        for key, facet in facets_of(event):
            assert facet["_producer"] == PRODUCER, key
            assert facet["_schemaURL"].startswith(("https://openlineage.io/spec/", "urn:careful-assets:openlineage:"))
    assert len(parents) == 1
    assert "<<non-serializable" not in json.dumps(events)
    times = [event["eventTime"] for event in events]
    assert times == sorted(times)
    assert times[-1] < datetime.now(UTC).isoformat()


def test_each_run_starts_and_ends_once(events: list[Event]) -> None:
    """Every stage is one run, its own: START, then COMPLETE, then its checks as one more event."""
    states = defaultdict(list)
    for event in events:
        states[event["run"]["runId"], event["job"]["name"]].append(event["eventType"])
    assert [name for _, name in states] == [f"{DATASET}/{stage}" for stage in STAGES]
    assert len({run for run, _ in states}) == len(STAGES)
    assert set(map(tuple, states.values())) == {("START", "COMPLETE", "OTHER")}
    dagster_run = events[0]["run"]["facets"]["parent"]["run"]["runId"]
    assert of(events, "release")["run"]["runId"] == run_id(dagster_run, job_name(DATASET, "release"))
    assert run_id(dagster_run, "a/b", 1) != run_id(dagster_run, "a/b")


def test_facets_tell_what_the_warehouse_holds(finished_life: Life, events: list[Event]) -> None:
    """Rows, versions, columns, owners, documentation, verdicts: as the tables, the ledger and the card have them."""
    versions = finished_life.data_versions()
    for stage in STAGES:
        made = of(events, stage)
        for table in TABLES[stage]:
            output = dataset_in(made, "outputs", f".{table.name}")
            assert output["facets"].keys() >= OUTPUT, table.name
            assert output["facets"]["version"]["datasetVersion"] == versions[stage]
            frame = finished_life.table(table.name)
            assert output["outputFacets"]["outputStatistics"]["rowCount"] == frame.height
            assert [field["name"] for field in output["facets"]["schema"]["fields"]] == frame.columns
        main = dataset_in(made, "outputs", f".{TABLES[stage][0].name}")
        assert "documentation" in main["facets"]
        assert all(field.get("description") for field in main["facets"]["schema"]["fields"])
        for read_from in made["inputs"]:
            if read_from["namespace"].startswith("duckdb://"):
                assert read_from["inputFacets"]["inputStatistics"]["rowCount"] >= 0
                assert read_from["facets"]["version"]["datasetVersion"] in versions.values()
    assertions = dataset_in(of(events, "filtering"), "inputs", "generation.candidates")["inputFacets"]
    names = {one["assertion"] for one in assertions["dataQualityAssertions"]["assertions"]}
    ledger = finished_life.table("provenance.ledger")
    assert names == set(ledger.filter(stage="generation")["check_name"])
    for stage in STAGES:
        tests = of(events, stage, "OTHER")["run"]["facets"]["test"]["tests"]
        rows = ledger.filter(stage=stage).sort("check_name").iter_rows(named=True)
        told = {one["name"]: (one["status"] == "pass", one["severity"]) for one in tests}
        assert told == {row["check_name"]: (row["passed"], row["severity"]) for row in rows}


def test_own_facets_tell_of_generation(finished_life: Life, events: list[Event]) -> None:
    """Generator, prompts, seeds, gates, shares and the release, with the tables' own figures."""
    candidates = finished_life.table("generation.candidates")
    requests = finished_life.table("generation.requests")
    decisions = finished_life.table("filtering.decisions")
    rows = finished_life.table("release.rows")
    output = dataset_in(of(events, "generation"), "outputs", "generation.candidates")
    (generator,) = output["facets"]["carefulAssets_generation"]["generators"]
    assert generator["rows"] == candidates.height
    assert generator["digest"] == requests["generator_digest"][0]
    assert {prompt["sha256"] for prompt in generator["prompts"]} == set(requests["prompt_sha256"])
    assert generator["seedRange"]["first"] == requests["seed"].min()
    assert generator["seedRange"]["last"] == (requests["seed"] + requests["completions"] - 1).max()
    assert generator["parameters"] == [json.loads(requests["params"][0])]
    assert output["facets"]["carefulAssets_synthetic"]["parts"][0]["syntheticShare"] == 1
    assert {"key": "synthetic", "value": "true", "source": "CAREFUL_ASSETS"} in output["facets"]["tags"]["tags"]
    gates = dataset_in(of(events, "filtering"), "outputs", "filtering.decisions")["facets"]["carefulAssets_gates"]
    refused = decisions.filter(passed=False)["row_id"].n_unique()
    assert (gates["rowsIn"], gates["rowsKept"]) == (candidates.height, candidates.height - refused)
    assert sum(one["rows"] for one in gates["rejected"]) == refused
    mixes = dataset_in(of(events, "training"), "outputs", "training.mixes")["facets"]["carefulAssets_synthetic"]
    shares = {part["part"]: part["generated"] for part in mixes["parts"]}
    assert shares["real only"] == 0 < shares["mix"]
    released = dataset_in(of(events, "release"), "outputs", "rows.parquet")
    assert (
        released["facets"]["carefulAssets_release"]["contentDigest"]
        == finished_life.table("release.releases")["content_digest"][0]
    )
    assert released["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "CREATE"
    (part,) = released["facets"]["carefulAssets_synthetic"]["parts"]
    assert (part["rows"], part["generated"]) == (rows.height, rows.filter(origin="generated").height)
    assert part["greatestDepth"] == 1


def test_columns_are_traced(finished_life: Life, events: list[Event]) -> None:
    """A release's columns come from the tables that the SQL models read, and name columns that these have."""
    lineage = dataset_in(of(events, "release"), "outputs", ".release.rows")["facets"]["columnLineage"]
    sources = {field["name"].split(".", 1)[1] for one in lineage["fields"].values() for field in one["inputFields"]}
    assert {"anchors.rows", "generation.candidates"} <= sources
    for one in lineage["fields"].values():
        for field in one["inputFields"]:
            assert field["field"] in finished_life.table(field["name"].split(".", 1)[1]).columns
            assert field["transformations"][0]["type"] == "DIRECT"


def test_edges_are_those_of_the_asset_graph_and_the_declared_ones(finished_life: Life, events: list[Event]) -> None:
    """Stage to stage as Dagster resolves it; beside that prompt and generator → generation, release → rows.parquet."""
    complete = [event for event in events if event["eventType"] == "COMPLETE"]
    names = [(event["job"]["name"], one["namespace"], one["name"]) for event in complete for one in event["outputs"]]
    makers = {(namespace, name): job for job, namespace, name in names}
    assert len(makers) == len(names)
    read_by = [(event["job"]["name"], (one["namespace"], one["name"])) for event in complete for one in event["inputs"]]
    emitted = {(makers.get(dataset, dataset), job) for job, dataset in read_by}
    emitted |= {(job, dataset) for dataset, job in makers.items() if dataset[0] == "file"}

    graph = build_defs(finished_life.project, home=finished_life.home).resolve_asset_graph()
    expected: set[Any] = {
        ("/".join(parent.path), "/".join(key.path))
        for key in graph.get_all_asset_keys()
        if key.path[0] == DATASET
        for parent in graph.get(key).parent_keys
    }
    request = finished_life.table("generation.requests").row(0, named=True)
    generation, release = f"{DATASET}/generation", f"{DATASET}/release"
    expected |= {(("file", str(prompt.path)), generation) for prompt in finished_life.loaded.prompts}
    expected.add(((f"model://{request['generator_family']}", request["generator_id"]), generation))
    expected.add((release, ("file", str(finished_life.release_folder() / "rows.parquet"))))
    assert emitted == expected
    named = {
        (makers[one["namespace"], one["name"]], event["job"]["name"])
        for event in events
        if event["eventType"] == "START"
        for one in event["inputs"]
        if one["namespace"].startswith("duckdb://")
    }
    assert named == {edge for edge in expected if all(isinstance(end, str) for end in edge)}


def test_events_hold_no_row_text(finished_life: Life, events: list[Event]) -> None:
    """No stretch of 30 characters of any row, sealed ones included, stands in any event."""
    with connect(finished_life.home.vault(DATASET), read_only=True) as con:
        texts = read(con, "sealed.rows")["text"].to_list()
    for table, column in (("anchors.rows", "text"), ("generation.candidates", "text")):
        texts += finished_life.table(table)[column].to_list()
    forms = {form for text in texts for form in (text, json.dumps(text)[1:-1])}
    excerpts = {form[at : at + 30] for form in forms for at in range(len(form) - 29)}
    said = events_file(finished_life.home).read_text(encoding="ascii")
    planted = said + json.dumps({"x": max(texts, key=len)})
    assert any(planted[at : at + 30] in excerpts for at in range(len(said), len(planted) - 29))
    assert not [at for at in range(len(said) - 29) if said[at : at + 30] in excerpts]
    assert not outbox_file(finished_life.home).exists()


@pytest.mark.skipif(not SPEC.is_dir(), reason="OpenLineage's schemas are not at hand")
def test_every_event_and_facet_is_valid(events: list[Event]) -> None:
    """Each event validates against OpenLineage 2-0-2, each facet against the schema that its `_schemaURL` names."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    documents = [json.loads(path.read_text()) for path in [*SPEC.rglob("*.json"), *SCHEMAS.glob("*.json")]]
    registry = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in documents)
    validators: dict[str, Draft202012Validator] = {}

    def faults(url: str, value: Any) -> list[str]:
        if url not in validators:
            checker = Draft202012Validator.FORMAT_CHECKER
            validators[url] = Draft202012Validator({"$ref": url}, registry=registry, format_checker=checker)
        return [error.message for error in validators[url].iter_errors(value)]

    keys = Counter[str]()
    for event in events:
        assert faults(event["schemaURL"], event) == []
        for key, facet in facets_of(event):
            assert faults(facet["_schemaURL"], facet) == [], (event["job"]["name"], key)
            keys[key] += 1
    assert keys.keys() >= {"carefulAssets_generation", "carefulAssets_gates", "carefulAssets_synthetic"}
    assert keys.keys() >= {"carefulAssets_release", "columnLineage", "test", "dataQualityAssertions"}
    broken = of(events, "filtering")["outputs"][0]["facets"]["carefulAssets_gates"] | {"rowsIn": "many"}
    assert faults(broken["_schemaURL"], broken)


def test_own_schemas_name_themselves() -> None:
    """Each schema's id is a versioned URN that its file and its class bear, and it rests on OpenLineage 2-0-2."""
    from jsonschema import Draft202012Validator

    from careful_assets.provenance.lineage.own_facets import OWN_FACETS, schema_id, schema_of, schema_url

    assert {path.stem for path in SCHEMAS.glob("*.json")} == {facet.__name__ for facet in OWN_FACETS.values()}
    for key, facet in OWN_FACETS.items():
        document = schema_of(facet.__name__)
        Draft202012Validator.check_schema(document)
        assert document["$id"] == schema_id(facet.__name__)
        assert facet._get_schema() == schema_url(facet.__name__)
        assert document["properties"] == {key: {"$ref": f"#/$defs/{facet.__name__}"}}
        base = document["$defs"][facet.__name__]["allOf"][0]["$ref"]
        assert base == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetFacet"


def test_a_refused_stage_fails_with_the_words_that_people_read(copied_life: Life) -> None:
    """A closed gate gives START and FAIL with the edges of the stage and our own message; nothing else follows."""
    copied_life.sql("delete from provenance.ledger where stage = 'monitoring'")
    assert not copied_life.materialize("retirement").success
    start, fail = events_in(events_file(copied_life.home))
    assert (start["eventType"], fail["eventType"]) == ("START", "FAIL")
    assert start["run"]["runId"] == fail["run"]["runId"]
    message = fail["run"]["facets"]["errorMessage"]
    assert "is closed by the check monitoring/" in message["message"]
    assert "stackTrace" not in message
    assert {one["name"] for one in fail["inputs"]} == {
        f"{DATASET}.evaluation.leaks", f"{DATASET}.release.rows", f"{DATASET}.monitoring.observations",
    }  # fmt: skip


def test_a_foreign_error_is_not_quoted(copied_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a library's error quotes a row, the event tells its kind and place alone."""

    def broken(*_: object) -> None:
        raise ValueError("cannot convert 'the remote that i bought is the worst'")

    monkeypatch.setattr(filtering_stage, "run_cascade", broken)
    assert not copied_life.materialize("filtering").success
    said = events_file(copied_life.home).read_text()
    assert "builtins.ValueError at" in said
    assert "the remote that i bought" not in said


def test_an_ended_run_is_aborted(copied_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended from outside while it works, a stage's run says ABORT."""

    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(assets, "run_stage", ended)
    assert not copied_life.materialize("retirement").success
    assert [event["eventType"] for event in events_in(events_file(copied_life.home))] == ["START", "ABORT"]


def test_each_attempt_is_a_run_of_its_own(copied_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Dagster tries a step again, the first attempt's run ends with FAIL, and the checks belong to the second."""
    attempts = []

    def broken_once(*given: Any) -> Made:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError
        return run_stage(*given)

    monkeypatch.setattr(assets, "run_stage", broken_once)
    assert copied_life.materialize("retirement", op_retry_policy=dg.RetryPolicy(max_retries=1)).success
    told = events_in(events_file(copied_life.home))
    assert [event["eventType"] for event in told] == ["START", "FAIL", "START", "COMPLETE", "OTHER"]
    first, _, second, *_ = runs = [event["run"]["runId"] for event in told]
    assert runs == [first, first, second, second, second]
    assert first != second


def test_checks_alone_are_a_run_of_their_own(copied_life: Life) -> None:
    """Run without their stage, checks read its main table, make nothing, and leave the stage's own runs alone."""
    assert copied_life.recheck("purpose").success
    start, end = events_in(events_file(copied_life.home))
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"]
    assert end["job"]["name"] == f"{DATASET}/purpose/checks"
    assert [one["name"] for one in end["inputs"]] == [f"{DATASET}.purpose.cards"]
    assert end["outputs"] == []
    assert end["run"]["facets"]["test"]["tests"]


def test_a_failed_warning_is_a_failed_test(copied_life: Life) -> None:
    """A check of severity warn that fails reads `fail` and `warn`: success does not hang on severity."""
    copied_life.sql("update retirement.statuses set status = 'review_due'")
    assert copied_life.recheck("retirement").success
    tests = {one["name"]: one for one in events_in(events_file(copied_life.home))[-1]["run"]["facets"]["test"]["tests"]}
    assert (tests["review_not_due"]["status"], tests["review_not_due"]["severity"]) == ("fail", "warn")


def test_the_same_content_makes_no_second_file(copied_life: Life) -> None:
    """Materialized again unchanged, a release is read and told of, and nothing is said to be created."""
    assert copied_life.materialize("release").success
    released = dataset_in(of(events_in(events_file(copied_life.home)), "release"), "outputs", "rows.parquet")
    assert "lifecycleStateChange" not in released["facets"]


def test_a_release_that_was_retired_is_dropped(copied_life: Life) -> None:
    """The retirement run that finds a release retired says DROP of its rows, and only that run."""
    copied_life.sql("update release.releases set status = 'retired'")
    for _ in range(2):
        copied_life.materialize("retirement", checked=False)
    first, second = [e for e in events_in(events_file(copied_life.home)) if e["eventType"] == "COMPLETE"]
    dropped = dataset_in(first, "outputs", "rows.parquet")
    assert dropped["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "DROP"
    assert [one["name"] for one in second["outputs"]] == [f"{DATASET}.retirement.statuses"]


def test_definitions_load_no_openlineage(finished_life: Life) -> None:
    """The client is loaded when a stage runs, not by whoever loads the definitions."""
    code = "from careful_assets.definitions import defs\ndefs()"
    assert loaded_by(code, finished_life.project) & {"openlineage", "requests"} == set()
