"""The wheel works where there is no checkout: it carries what the commands need, and a folder of cards is enough."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from careful_assets_tests.cli.projects import NAME, clean_environment, make_project
from careful_assets_tests.house.sources import CHECKOUT, PACKAGE


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout by the build backend that is installed."""
    out = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fresh environment's programs: the wheel, and of this environment all but the checkout."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(root), "platbase": str(root)}))
    programs = Path(sysconfig.get_path("scripts", "venv", {"base": str(root), "platbase": str(root)}))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(programs / "python")]
    done = subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # A plain path, unlike a site folder, does not run the editable installation's own path file.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return programs


def run(installed: Path, program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in clean_environment().items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    return subprocess.run(
        [str(installed / program), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_carries_what_the_commands_read(wheel: Path) -> None:
    """Models and their descriptions, migrations, profiles, the demo's card and prompts, Dagster's configuration."""
    held = set(zipfile.ZipFile(wheel).namelist())
    needed = {
        f"careful_assets/{path.relative_to(CHECKOUT).as_posix()}"
        for path in (CHECKOUT / "dbt_like_sql").rglob("*") if path.suffix in (".sql", ".yml")
    } | {
        path.relative_to(CHECKOUT).as_posix()
        for pattern in ("*.sql", "*.yaml", "*.jinja", "*.json", "*.py") for path in PACKAGE.rglob(pattern)
    }  # fmt: skip
    assert len(needed) > 150
    assert needed - held == set()
    assert "careful_assets/dagster.yaml" in held


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    """No tests, homes, caches or databases travel along."""
    held = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in held}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"careful_assets"}
    assert [name for name in held if name.endswith((".pyc", ".duckdb", ".ndjson", ".gguf"))] == []


def test_cards_alone_make_a_project(installed: Path, tmp_path: Path) -> None:
    """In a folder that holds only cards/<dataset>/ the installed command checks them and the demo's, and all hold."""
    root = make_project(tmp_path)
    done = run(installed, "careful", "check", "--json", cwd=root)
    assert done.returncode == 0, done.stderr
    reports = {report["name"]: report for report in json.loads(done.stdout)}
    assert {name: report["holds"] for name, report in reports.items()} == {NAME: True, "product_complaints": True}
    assert str(CHECKOUT) + os.sep not in reports["product_complaints"]["path"]


def test_the_installed_package_finds_its_own_files(installed: Path, tmp_path: Path) -> None:
    """Models, migrations and configuration come from the installed package, and a first stage runs on them."""
    root = make_project(tmp_path)
    code = (
        "import careful_assets, pathlib\n"
        "from careful_assets.shipped import shipped\n"
        "from careful_assets.warehouse.models import models_folder, model_sql\n"
        "package = pathlib.Path(careful_assets.__file__).parent\n"
        "assert models_folder() == package / 'dbt_like_sql' / 'models', models_folder()\n"
        "assert shipped('dagster.yaml', 'deploy/dagster.yaml') == package / 'dagster.yaml'\n"
        "assert model_sql('filtering/kept')\n"
    )
    done = run(installed, "python", "-c", code, cwd=root)
    assert done.returncode == 0, done.stderr
    ran = run(installed, "careful", "run", NAME, "--to", "anchors", cwd=root)
    assert ran.returncode == 0, ran.stderr
    assert (root / ".careful" / "warehouse" / f"{NAME}.duckdb").exists()
