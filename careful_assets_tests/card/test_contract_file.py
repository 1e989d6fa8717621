from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from careful_assets.card.reader import read_card
from careful_assets.errors import Fault, MalformedInput
from careful_assets_tests.card.cards import line_of, swapped, write_card

SUITE = b'{"expectations": []}'


def with_contract(name: str = "suite.json") -> str:
    return swapped(("  licence: CC0\n", f"  licence: CC0\n  contract: {name}\n"))


def only_fault(path: Path) -> Fault:
    with pytest.raises(MalformedInput) as caught:
        read_card(path)
    (fault,) = caught.value.faults
    return fault


def test_a_contract_is_found_beside_the_card(tmp_path: Path) -> None:
    """The contract's place and the sha256 of its bytes come with the card; without one there is neither."""
    path = write_card(tmp_path / "with", with_contract())
    (path.parent / "suite.json").write_bytes(SUITE)
    loaded = read_card(path)
    assert loaded.contract == path.parent / "suite.json"
    assert loaded.contract_sha256 == hashlib.sha256(SUITE).hexdigest()
    bare = read_card(write_card(tmp_path / "without"))
    assert (bare.contract, bare.contract_sha256) == (None, None)


def test_another_contract_is_another_digest(tmp_path: Path) -> None:
    """One byte more in the contract, and the card's digest is another; the same bytes elsewhere give the same."""
    digests = []
    for folder, suite in (("a", SUITE), ("b", SUITE + b"\n"), ("c", SUITE)):
        path = write_card(tmp_path / folder, with_contract())
        (path.parent / "suite.json").write_bytes(suite)
        digests.append(read_card(path).digest)
    assert digests[0] == digests[2] != digests[1]


@pytest.mark.parametrize("name", ["suite.json", "prompts", "s" * 5000])
def test_a_missing_contract_is_a_fault_at_its_line(tmp_path: Path, name: str) -> None:
    """A contract that is not there, is a folder or cannot be looked up is one fault, at the line that names it."""
    path = write_card(tmp_path, with_contract(name))
    fault = only_fault(path)
    assert (fault.file, fault.key) == (str(path), "anchors.contract")
    assert fault.line == line_of("contract:", with_contract(name))
    assert "there is no file" in fault.message or "cannot be read" in fault.message


def test_a_contract_behind_a_link_is_refused(tmp_path: Path) -> None:
    """A contract that only a link puts into the folder would not travel with the card."""
    path = write_card(tmp_path, with_contract())
    (tmp_path / "outside.json").write_bytes(SUITE)
    (path.parent / "suite.json").symlink_to(tmp_path / "outside.json")
    assert only_fault(path).message == ("'suite.json' is a link out of the card's folder; put the file itself there")
