"""Looking something up stays quick: heavy libraries are loaded where they are used, Dagster where something runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from careful_assets_tests.cli.projects import clean_environment, make_project
from careful_assets_tests.life.arrange import Life

HEAVY = {"sklearn", "numba", "great_expectations", "datasketch", "matplotlib", "pandas", "scipy", "aiohttp", "joblib"}
_REPORT = "\nimport json, sys\nprint(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
_COMMAND = """
import sys
from careful_assets.cli import main
sys.argv = ["careful", *{arguments!r}]
try:
    main()
except SystemExit as error:
    assert error.code == {code}, error.code
"""


def loaded_by(code: str, cwd: Path, home: Path | None = None) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after the code."""
    environment = clean_environment() | ({"CAREFUL_HOME": str(home)} if home else {})
    done = subprocess.run(
        [sys.executable, "-c", code + _REPORT], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_definitions_are_light(tmp_path: Path) -> None:
    """The code location loads, datasets and all, without any library that only a stage at work needs."""
    code = (
        "from careful_assets.definitions import defs\n"
        "definitions = defs()\n"
        "assert len(definitions.resolve_all_asset_specs()) == 20\n"
    )
    loaded = loaded_by(code, make_project(tmp_path))
    assert "dagster" in loaded
    assert loaded & HEAVY == set()


def test_the_command_line_loads_without_dagster(tmp_path: Path) -> None:
    """Importing the command line loads neither Dagster nor DuckDB nor Polars."""
    loaded = loaded_by("import careful_assets.cli", tmp_path)
    assert loaded & (HEAVY | {"dagster", "duckdb", "polars"}) == set()


@pytest.mark.parametrize("command", ["check", "status", "trace"])
def test_lookups_load_no_dagster(finished_life: Life, command: str) -> None:
    """Checking cards, showing a status and tracing a row of a finished life need no Dagster."""
    row = finished_life.table("release.rows").filter(origin="generated")["row_id"][0]
    arguments = {
        "check": ["check"], "status": ["status", finished_life.dataset, "--json"], "trace": ["trace", row],
    }[command]  # fmt: skip
    code = _COMMAND.format(arguments=arguments, code=0)
    loaded = loaded_by(code, finished_life.project, finished_life.home.root)
    # DuckDB itself looks for pandas when it is given a constant to compare with.
    assert loaded & (HEAVY | {"dagster"}) <= {"pandas"}
