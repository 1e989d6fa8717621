"""What a row descends from where its request's parents do not say so: a fitted model's exemplars, or nobody knows what.

Belongs here: the families that this hangs on, and the rule that trace, find, exclude and erase share. A row descends
from the rows its prompt showed; a row of a fitted model descends from every row that is or was an exemplar (the model
`provenance/exemplars_ever`), since it was drawn from words of all of them.
"""

from __future__ import annotations

# The family of generators that are fitted to all exemplars of the dataset, whatever prompt they are given.
FITTED_FAMILY = "ngram"
# The family of rows that came in files without provenance; prompts, seeds and parents on their record are stand-ins.
UNKNOWN_FAMILY = "unknown"
