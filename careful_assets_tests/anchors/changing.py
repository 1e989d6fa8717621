"""A source that changes from vintage to vintage, and one that is small."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

LABELS = ("bad", "fair", "good")
_WORDS = [
    "battery", "screen", "charger", "camera", "speaker", "button", "cable", "strap", "manual",
    "lens", "broke", "died", "failed", "works", "shines", "stopped", "after", "before",
    "never", "always", "within", "week", "month", "year", "morning", "slowly", "loudly",
    "twice", "again", "useless", "lovely", "average", "cheap", "dear", "heavy",
]  # fmt: skip


@dataclass
class World:
    """A source that changes: rows by id, and a hand that adds, relabels, rewords, regroups, removes and copies."""

    rng: random.Random
    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    made: int = 0

    def text(self) -> str:
        """A text unlike the others."""
        return " ".join(self.rng.choices(_WORDS, k=12)) + f" {self.rng.randrange(10**9)}"

    def add(self, group: str | None = None, text: str | None = None) -> None:
        self.made += 1
        row_id = f"r{self.made}"
        group = group or f"g{self.rng.randrange(max(10, self.made // 3))}"
        label = LABELS[self.made % 3]
        self.rows[row_id] = {"id": row_id, "review": group, "text": text or self.text(), "label": label}

    def copy(self, near: bool) -> None:
        """A new group with the text of some row, as it stands or with a letter more."""
        text = self.rng.choice(sorted(row["text"] for row in self.rows.values()))
        self.add(group=f"copy{self.made}", text=text + ("s" if near else ""))

    def bridge(self) -> None:
        """A new group that holds copies of two rows, of whatever sides."""
        group = f"bridge{self.made}"
        for _ in range(2):
            self.add(group, self.rng.choice(sorted(row["text"] for row in self.rows.values())))

    def refresh(self) -> None:
        for _ in range(6):
            self.add()
        for near in (False, True):
            self.copy(near)
        self.bridge()
        ids = sorted(self.rows)
        self.rng.shuffle(ids)
        for row_id in ids[:4]:
            del self.rows[row_id]
        for row_id in ids[4:8]:
            label = self.rows[row_id]["label"]
            self.rows[row_id] = self.rows[row_id] | {"label": LABELS[(LABELS.index(label) + 1) % 3]}
        for row_id in ids[8:10]:
            self.rows[row_id] = self.rows[row_id] | {"text": self.text()}
        # A rewording that carries another row's text to this row's side.
        self.rows[ids[10]] = self.rows[ids[10]] | {"text": self.rows[ids[11]]["text"]}
        self.rows[ids[12]] = self.rows[ids[12]] | {"review": self.rows[ids[13]]["review"]}


def small(count: int = 60) -> list[dict[str, str]]:
    world = World(random.Random(1))
    for _ in range(count):
        world.add()
    return list(world.rows.values())
