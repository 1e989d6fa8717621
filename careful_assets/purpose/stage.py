"""Purpose: freeze the card, count its gap, ask what the ruler can show, and lay out its answers with their evidence."""

from __future__ import annotations

import polars as pl

from careful_assets.card.models import Card
from careful_assets.provenance.digests import canonical, data_version
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.purpose.answers import answers_of
from careful_assets.purpose.bias import bias_frame
from careful_assets.purpose.gaps import gaps_frame
from careful_assets.purpose.limits import limits_frame
from careful_assets.purpose.page import shown
from careful_assets.purpose.ruler import ruler_frame
from careful_assets.purpose.unanswered import unanswered

_SIMULATED: dict[str, type[pl.DataType]] = {"split": pl.String, "label": pl.String, "rows": pl.Int64}


def freeze_card(context: StageContext, inputs: Inputs) -> Outcome:
    """The purpose stage: the card's snapshot with its digest, one answer a letter, and what can be counted of them."""
    card, profile = context.card, context.profile
    snapshot = {
        "card_digest": context.loaded.digest,
        "profile_digest": profile.digest,
        "card": canonical(card.model_dump(mode="json")),
    }
    answers = answers_of(card, profile, [prompt.prompt_id for prompt in context.loaded.prompts])
    tables = {
        "purpose.cards": pl.DataFrame([snapshot]),
        "purpose.answers": pl.DataFrame(answers),
        "purpose.gaps": gaps_frame(card, dict(inputs.model("anchors/label_counts").iter_rows())),
        "purpose.ruler": ruler_frame(card, inputs.table("anchors.vault_counts")),
        "purpose.limits": limits_frame(card),
        "purpose.bias": bias_frame(inputs.model("purpose/attribute_shares"), inputs.model("purpose/attribute_labels")),
        "purpose.simulated": simulated_frame(card, inputs.model("anchors/class_counts")),
    }
    still_open = unanswered(context, data_version("purpose", tables))
    return Outcome(dict(tables), shown(context.loaded, tables, still_open))


def simulated_frame(card: Card, class_counts: pl.DataFrame) -> pl.DataFrame:
    """`purpose.simulated`: the anchors that the simulation draws from, by label; without rows for a fabrication.

    `class_counts`: the model `anchors/class_counts`: split, label, n.
    """
    drawn = card.purpose.simulates
    if drawn is None:
        return pl.DataFrame(schema=_SIMULATED)
    counts = dict(class_counts.filter(pl.col("split") == drawn.split).select("label", "n").iter_rows())
    rows = [{"split": drawn.split, "label": label, "rows": counts.get(label, 0)} for label in drawn.labels]
    return pl.DataFrame(rows, schema=_SIMULATED)
