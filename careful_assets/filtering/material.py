"""What filtering works on: the candidates, the real rows beside them, the embedder and the dataset's own gates.

Belongs here: gathering them from the stage's inputs. Does not belong here: what is made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from careful_assets.filtering.gate import ANCHORS, Beside, Gate
from careful_assets.filtering.own.gates import own_gates
from careful_assets.llm.embeddings import open_embedder
from careful_assets.provenance.stage import Inputs
from careful_assets.text.embedders.protocol import Embedder


@dataclass(frozen=True)
class Material:
    """What the gates see: the candidates with their requests' round and parents, and what stands beside them.

    That is the real rows, and the card's embedder, which is fitted on the train anchors when a gate asks for it. `own`:
    the dataset's own gates, by name. `standing`: what people excluded, the model `filtering/standing_exclusions`.
    `exemplars`: ids of the rows that are or were exemplars.
    """

    requests: pl.DataFrame
    candidates: pl.DataFrame
    anchors: pl.DataFrame
    embedder: Callable[[], Embedder]
    standing: pl.DataFrame
    own: Mapping[str, Gate] = field(default_factory=dict)
    exemplars: Collection[str] = ()

    @property
    def beside(self) -> Beside:
        """What the candidates are held against."""
        return Beside(self.anchors, self.embedder)


def material_of(inputs: Inputs) -> Material:
    """The candidates and anchors as they stand."""
    requests = inputs.table("generation.requests")
    asked = requests.select("request_id", "round", "parent_ids")
    candidates = inputs.table("generation.candidates").join(asked, on="request_id").sort("row_id")
    anchors = inputs.table("anchors.rows").filter(pl.col("split") != "aside").select(list(ANCHORS))
    fitted_on = anchors.filter(pl.col("split") == "train").sort("row_id", "text")["text"].to_list()
    embedder = partial(open_embedder, inputs.context.card.filtering.embedder, fitted_on)
    own = own_gates(inputs.context.loaded)
    standing = inputs.model("filtering/standing_exclusions")
    exemplars = frozenset(inputs.model("provenance/exemplars_ever")["row_id"].to_list())
    return Material(requests, candidates, anchors.sort("row_id", "text"), embedder, standing, own, exemplars)
