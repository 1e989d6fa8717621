"""Numbers with check digits: every valid one is found, and one wrong digit makes it none."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum import iban, luhn
from stdnum.gb import nhs

from careful_assets.text.personal_data.cards import cards, ibans
from careful_assets.text.personal_data.finder import find
from careful_assets.text.personal_data.national_ids import national_ids


def digits(n: int) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from("0123456789"), min_size=n, max_size=n)


GAPS = st.sampled_from(["", " ", "-", "."])


@settings(max_examples=80, deadline=None)
@given(digits(14), GAPS, st.integers(1, 9))
def test_every_valid_card_is_found_and_no_mistyped_one(middle, gap, shift):
    """Any Visa number in groups of four, with any separator; Luhn's algorithm sees every single wrong digit."""
    number = "4" + middle
    number += luhn.calc_check_digit(number)
    wrong = number[:-1] + str((int(number[-1]) + shift) % 10)
    for written, n in ((number, 1), (wrong, 0)):
        shown = gap.join(written[at : at + 4] for at in range(0, 16, 4))
        assert len(list(cards(f"paid with {shown} twice"))) == n


@settings(max_examples=80, deadline=None)
@given(digits(14), st.booleans(), st.booleans(), st.integers(1, 9))
def test_every_valid_iban_is_found_and_no_mistyped_one(account, grouped, small, shift):
    """Any British IBAN, in groups or not, in small letters or not; mod 97 sees every single wrong digit."""
    bban = "NWBK" + account
    number = "GB" + iban.calc_check_digits("GB00" + bban) + bban
    wrong = number[:-1] + str((int(number[-1]) + shift) % 10)
    for written, n in ((number, 1), (wrong, 0)):
        shown = " ".join(written[at : at + 4] for at in range(0, 22, 4)) if grouped else written
        assert len(list(ibans(f"to {shown.lower() if small else shown} now"))) == n


@settings(max_examples=40, deadline=None)
@given(digits(9))
def test_bare_numbers_need_a_word(start):
    """Ten digits that pass the NHS number's check are one behind the word, and none without it."""
    number = next((start + last for last in "0123456789" if nhs.is_valid(start + last)), None)
    assume(number)  # one in eleven has no check digit
    assert list(national_ids(f"NHS number {number}"))
    assert not list(national_ids(f"part number {number}"))


@pytest.mark.parametrize("text", ["my ssn is 123 45 6789 0", "passport no. 533380006", "Social Security: 987-65-4321"])
def test_what_a_text_calls_an_identity_number_is_one(text):
    """Behind the word a wrong check digit does not matter: mistyped numbers are personal data, too."""
    assert [one.kind for one in find(text)] == ["national_id"]
