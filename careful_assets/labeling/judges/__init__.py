"""The judges, one a file, by the names that cards use: `JUDGES[name]()` makes one that is not fitted yet.

Judges import heavy libraries inside their methods: reading this registry loads none of them.
"""

from __future__ import annotations

from careful_assets.labeling.judge import Judge
from careful_assets.labeling.judges.nearest_anchors import NearestAnchors
from careful_assets.labeling.judges.tfidf_logreg import TfidfLogreg

_ALL: tuple[type[Judge], ...] = (TfidfLogreg, NearestAnchors)

JUDGES: dict[str, type[Judge]] = {judge.name: judge for judge in _ALL}
