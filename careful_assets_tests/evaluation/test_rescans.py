"""Active releases are held against what is sealed now; one that cannot be read is a failed scan, never a clean one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from careful_assets.evaluation.rescan_checks import active_releases_hold_no_leak
from careful_assets.evaluation.rescans import scan_releases
from careful_assets.provenance.stage import Inputs, StageContext
from careful_assets.provenance.verdicts import CheckView, Verdict
from careful_assets.release.folder import write_folder
from careful_assets.text.leaks.exact import ExactDetector
from careful_assets.text.leaks.protocol import Detector
from careful_assets.text.leaks.scan import LeakScan
from careful_assets.text.leaks.unavailable import UnavailableDetector
from careful_assets.warehouse.connections import connect
from careful_assets_tests.operations.planted import WHEN, add
from careful_assets_tests.release.contents import CONTENTS, manifest
from careful_assets_tests.warehouse.vault_fixtures import Place, rows


class Standing:
    """A vault that holds two texts of a release's four rows, a real one and a generated one."""

    def __init__(self, root: Path, *sealed: str) -> None:
        self.place, self.root = Place.at(root), root
        self.state = self.place.seal(rows([*sealed, "nobody said this before", "nor this, ever"])).registry_state
        with connect(self.place.warehouse) as con:
            add(con, "anchors.vault_counts", {"label": "praise", "n": 4, "groups": 2, "registry_state": self.state})
        self.folders: dict[str, Path] = {}

    def release(self, version: str) -> Path:
        folder = self.root / "releases" / version
        write_folder(folder, CONTENTS, manifest(), "# Reviews\n")
        self.folders[version] = folder
        with connect(self.place.warehouse) as con:
            add(con, "release.releases", {"version": version, "content_digest": "c", "folder_digest": "f",
                "status": "active", "rows": 4, "generated": 2, "made_at": WHEN.replace(year=2000)})  # fmt: skip
        return folder

    def active_releases(self) -> dict[str, Path]:
        return self.folders

    def scan(self, detector: Detector | None = None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        card = SimpleNamespace(vault=SimpleNamespace(may_be_sent_to=[]))
        context = cast(StageContext, SimpleNamespace(card=card, log=lambda line: None))
        scan = LeakScan([detector or ExactDetector()], 60)
        leaks, scans = scan_releases(context, cast(Inputs, self), self.place.probe, scan)
        with connect(self.place.warehouse) as con:
            for table, found in (("evaluation.release_leaks", leaks), ("evaluation.release_scans", scans)):
                if found.height:
                    add(con, table, *found.to_dicts())
            add(con, "provenance.versions", {"seq": 1, "stage": "evaluation", "data_version": "e", "upstream": "{}",
                "card_digest": "c", "run_id": "run-2", "made_at": WHEN})  # fmt: skip
        return leaks.to_dicts(), scans.to_dicts()

    def verdict(self) -> Verdict:
        with connect(self.place.warehouse) as con:
            return active_releases_hold_no_leak(CheckView(con, cast(Any, None), cast(Any, None)))


def test_real_and_generated_rows_are_found(tmp_path: Path) -> None:
    """A sealed text among the real and one among the generated rows of a release are findings; the advice counts."""
    standing = Standing(tmp_path, "it smokes", "IT  FELL apart")
    standing.release("1.0.0")
    leaks, scans = standing.scan()
    assert [(row["row_id"], row["origin"]) for row in leaks] == [("a2", "real"), ("g1", "generated")]
    assert scans[0] == {
        "version": "1.0.0", "registry_state": standing.state, "rows": 4, "leaks": 2, "cause": None,
    }  # fmt: skip
    verdict = standing.verdict()
    assert not verdict.passed
    assert "1.0.0 holds 2 rows" in verdict.summary
    assert "retire the old version" in verdict.summary


def test_a_clean_release_is_told_as_clean(tmp_path: Path) -> None:
    """Nothing of it is sealed: no finding, and the advice passes; without a release there is nothing to scan."""
    standing = Standing(tmp_path)
    assert standing.scan() == ([], [])
    assert standing.verdict().passed
    standing.release("1.0.0")
    assert "1.0.0 was not scanned" in standing.verdict().summary
    leaks, scans = standing.scan()
    assert leaks == []
    assert (scans[0]["rows"], scans[0]["leaks"], scans[0]["cause"]) == (4, 0, None)
    assert standing.verdict().passed


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_folder_that_cannot_be_read_is_a_failed_scan(tmp_path: Path, damage: str) -> None:
    """The version is on record with the cause, the other one is scanned all the same, and the advice names both."""
    standing = Standing(tmp_path, "it smokes")
    standing.release("1.0.0")
    folder = standing.release("2.0.0")
    if damage == "gone":
        (folder / "rows.parquet").unlink()
    else:
        (folder / "rows.parquet").write_bytes(b"x")
    leaks, scans = standing.scan()
    assert {row["version"] for row in leaks} == {"1.0.0"}
    assert [row["cause"] is None for row in scans] == [True, False]
    assert "the scan of 2.0.0 failed: release 2.0.0 cannot be used" in standing.verdict().summary


def test_a_detector_that_did_not_run_is_a_failed_scan(tmp_path: Path) -> None:
    """A detector whose model is missing leaves no release clean."""
    standing = Standing(tmp_path, "it smokes")
    standing.release("1.0.0")
    exact = ExactDetector()
    _, scans = standing.scan(UnavailableDetector(exact.name, exact.version, exact.threshold, "no model"))
    assert "exact did not run" in scans[0]["cause"]
    assert not standing.verdict().passed
