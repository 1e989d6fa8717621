"""A gate that is a Great Expectations suite over the rows that reach it.

Belongs here: which expectation refuses rows, and the table of what each found. Does not belong here: running a suite
(`careful_assets.expectations`), and what follows from an expectation that fails for all rows together (the checks).
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from careful_assets.card.own_gates import OwnGateFile
from careful_assets.errors import MalformedInput, StageFailed
from careful_assets.expectations.contract import Contract
from careful_assets.filtering.gate import Beside, Decision, Gate
from careful_assets.filtering.own.sql import CANDIDATES
from careful_assets.filtering.own.versions import version_of

FINDINGS = pl.Schema(
    {
        "gate": pl.String, "expectation": pl.Int32, "type": pl.String, "column_name": pl.String,
        "severity": pl.String, "refuses": pl.Boolean, "passed": pl.Boolean, "checked": pl.Int64,
        "unexpected": pl.Int64, "detail": pl.String, "suite_sha256": pl.String,
    }
)  # fmt: skip


def findings_of(gates: Iterable[Gate]) -> pl.DataFrame:
    """What the suites among these gates found when they last judged: the table `filtering.own_expectations`."""
    return pl.concat([FINDINGS.to_frame(), *(gate.findings for gate in gates if isinstance(gate, SuiteGate))])


class SuiteGate:
    """The gate of one suite.

    A critical expectation that speaks of each row by itself, without `mostly`, refuses the rows that do not meet it;
    its type is the reason. All others leave a finding, which the stage's checks read. The suite is loaded when the
    gate judges; from then on `reasons` names the types that refuse rows, and `findings`, in the columns `FINDINGS`,
    what each expectation found.
    """

    abstentions = ()
    threshold_range = None

    def __init__(self, file: OwnGateFile) -> None:
        """The file as it was read with the card."""
        self.name = file.declared.name
        self.version = version_of(file)
        self.reasons: tuple[str, ...] = ()
        self.findings = FINDINGS.to_frame()
        self._file = file

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """One decision a row, in the order of `rows`; see `gate.Gate`.

        Raises:
            MalformedInput: the suite holds what cannot be checked; with all faults.
            StageFailed: an expectation that refuses rows could not be checked.
        """
        contract = self._loaded()
        refusing = self._refusing(contract)
        self.reasons = tuple(sorted(set(refusing.values())))
        contract.check(rows.select(CANDIDATES).insert_column(0, pl.int_range(rows.height, eager=True).alias("place")))
        self.findings = self._found(contract, refusing)
        unsure = self.findings.filter("refuses", ~pl.col("passed"), pl.col("unexpected") == 0)
        if rows.height and unsure.height:
            first = unsure.row(0, named=True)
            raise StageFailed(
                f"gate {self.name} ({self._file.declared.expectations}): expectation {first['expectation']}, "
                f"{first['type']}, {first['detail']}; nothing was recorded. Mend it, or drop the gate from the card"
            )
        failing = contract.failing().filter(pl.col("expectation").is_in(list(refusing)))
        first_by_place = failing.sort("expectation").unique("place", keep="first", maintain_order=True)
        fell = dict(first_by_place.select("place", "expectation").iter_rows())
        return [self._decision(fell.get(place), refusing) for place in range(rows.height)]

    def _decision(self, number: int | None, refusing: dict[int, str]) -> Decision:
        if number is None:
            return Decision(True)
        return Decision(False, refusing[number], evidence=f"expectation {number} of the suite")

    def _found(self, contract: Contract, refusing: dict[int, str]) -> pl.DataFrame:
        found = contract.findings().rename({"column": "column_name"})
        return found.with_columns(
            gate=pl.lit(self.name),
            refuses=pl.col("expectation").is_in(list(refusing)),
            suite_sha256=pl.lit(self._file.sha256),
        ).select(pl.col(name).cast(kind) for name, kind in FINDINGS.items())

    def _refusing(self, contract: Contract) -> dict[int, str]:
        """The expectations that refuse rows: number and type."""
        return {
            one.number: one.type
            for one in contract.expected
            if one.kind == "rows" and one.severity == "critical" and one.mostly == 1
        }

    def _loaded(self) -> Contract:
        path = self._file.path
        assert path is not None
        try:
            contract = Contract(path, one_batch=True)
            contract.need_columns(CANDIDATES)
        except MalformedInput as error:
            raise MalformedInput(f"gate {self.name} ({path.name}) of the dataset's own", error.faults) from None
        if contract.digest != self._file.sha256:
            raise StageFailed(
                f"gate {self.name}: {path.name} changed since the card was read; nothing was recorded. Run it again"
            )
        return contract
