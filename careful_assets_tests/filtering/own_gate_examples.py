"""Python gates for the tests of users' own gates: one that works and many that do not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

from careful_assets.filtering.gate import Decision, ThresholdRange


class Shouting:
    """Refuses rows of which too many letters are capitals; it prints, which must not disturb its answer."""

    name, version, reasons, abstentions = "whatever", 7, ("shouts",), ("no_letters",)
    threshold_range = ThresholdRange("share of capitals", 0, 1)

    def judge(self, rows, beside, threshold):
        print("hello", flush=True)
        os.write(1, b"straight to the descriptor")
        threading.Thread(target=time.sleep, args=(600,)).start()
        return [self._decision(text, beside.anchors["row_id"][0], threshold) for text in rows["text"]]

    def _decision(self, text, anchor, threshold):
        letters = [letter for letter in text if letter.isalpha()]
        if not letters:
            return Decision(True, "no_letters")
        share = sum(letter.isupper() for letter in letters) / len(letters)
        return (
            Decision(False, "shouts", share, anchor, "capitals") if share > threshold else Decision(True, score=share)
        )


class _Bare:
    name, version, reasons, abstentions, threshold_range = "bare", 1, ("bad",), (), None


class Giving(_Bare):
    """Gives what it was made for."""

    def __init__(self, *decisions):
        self.decisions = decisions

    def judge(self, rows, beside, threshold):
        return list(self.decisions)


class Raising(_Bare):
    """Raises with a row's text in its words."""

    def judge(self, rows, beside, threshold):
        raise LookupError(rows["text"][0])


class Hanging(_Bare):
    """Never ends, shrugs off polite signals, and leaves a process of its own behind."""

    def judge(self, rows, beside, threshold):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-c", f"import time; time.sleep(600); '{os.environ['OWN_GATE_MARK']}'"])
        while True:
            time.sleep(1)


class Dying(_Bare):
    """Takes its process down."""

    def judge(self, rows, beside, threshold):
        os.kill(os.getpid(), signal.SIGKILL)


class Unversioned(_Bare):
    """Has no version that could be recorded."""

    version = 0


class Wordy(_Bare):
    """Its reason is no word."""

    reasons = ("This row is bad.",)


class Undecided(_Bare):
    """Refuses and abstains for one reason."""

    abstentions = ("bad",)


class Spelled(_Bare):
    """Its reasons are one word, not several."""

    reasons = "bad"


class Boundless(_Bare):
    """Its threshold has no end."""

    threshold_range = ThresholdRange("share", 0, float("nan"))


class Shapeless:
    """Is no gate at all."""


too_few = Giving()
no_decision = Giving(True)
unknown_reason = Giving(Decision(False, "worse"))
passed_with_a_reason = Giving(Decision(True, "bad"))
stranger = Giving(Decision(False, "bad", matched_row_id="nobody"))
nan = Giving(Decision(False, "bad", score=float("nan")))
long_evidence = Giving(Decision(False, "bad", evidence="x" * 101))
huge = Giving(Decision(False, "bad", score=10**400))
surrogate_evidence = Giving(Decision(False, "bad", evidence="\ud800"))
surrogate_match = Giving(Decision(False, "bad", matched_row_id="\ud800"))
