"""Which generated rows descend from a real one although no prompt showed it: a model that was fitted learned from it.

Belongs here: the rule that trace, find, exclude and erase share. Together with the parents that requests record it is
all that descent means: a row descends from the rows its prompt showed; a row of a fitted model descends from every row
that is or was an exemplar (the model `provenance/exemplars_ever`), since it was drawn from words of all of them.
"""

from __future__ import annotations

# The family of generators that are fitted to all exemplars of the dataset, whatever prompt they are given.
FITTED_FAMILY = "ngram"
