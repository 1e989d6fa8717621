"""The paraphrase detector: scores by hand and by brute force, hubs, and embedders that cannot be trusted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.card.embedding import EndpointEmbedder
from careful_assets.errors import StageFailed
from careful_assets.llm.embeddings import EndpointEmbeddings
from careful_assets.text.embedders.tfidf_svd import TfidfSvd
from careful_assets.text.leaks import embedding, embedding_pool, embedding_words
from careful_assets.text.leaks.embedding import EmbeddingDetector
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import Found
from careful_assets.text.leaks.scan import LeakScan

NEIGHBOURS = 4
OF = 2 * NEIGHBOURS * 1_000_000


class Known:
    """An embedder whose vectors are given: those of texts `row(i)`; of other texts it sees nothing."""

    name, digest, sends_to = "known", "0" * 64, None

    def __init__(self, vectors: npt.ArrayLike) -> None:
        self.vectors = np.asarray(vectors, dtype=np.float64)
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `Embedder`."""
        self.asked += texts
        known = [int(text.split()[0]) if text.split()[:1] != ["nothing"] else -1 for text in texts]
        lengths = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        units = np.divide(self.vectors, lengths, out=np.zeros_like(self.vectors), where=lengths > 0)
        return np.vstack([units, np.zeros(units.shape[1])])[known].astype(np.float32)


def row(number: object, words: int = 8) -> str:
    """The text of a vector's number, of this many words."""
    return " ".join([str(number), *["word"] * (words - 1)])


def rows(numbers: Sequence[object]) -> Prepared:
    return Prepared(pl.Series([row(number) for number in numbers], dtype=pl.String))


def found(vectors: npt.ArrayLike, sealed: Sequence[int], asked: Sequence[int], reference: Sequence[int] = (),
          threshold: int = 1) -> Found:  # fmt: skip
    """What is found of the vectors with these numbers."""
    detector = EmbeddingDetector(Known(vectors), threshold, [row(number) for number in reference])
    return detector.index(rows(sealed)).find(rows(asked))


def as_lists(one: Found) -> list[list[int]]:
    return [part.tolist() for part in (one.asked, one.sealed, one.score, one.shared, one.of, one.start, one.stop)]


def turned(*cosines: float) -> list[list[float]]:
    """The first axis, then a vector for each cosine with it, each in a plane of its own."""
    size = len(cosines) + 1
    out = [[1.0] + [0.0] * (size - 1)]
    for place, cosine in enumerate(cosines):
        vector = [cosine] + [0.0] * (size - 1)
        vector[place + 1] = float(np.sqrt(1 - cosine**2))
        out.append(vector)
    return out


def brute(vectors: npt.NDArray[np.float64], sealed: Sequence[int], asked: int, reference: Sequence[int],
          threshold: int) -> tuple[int, int] | None:  # fmt: skip
    """The best sealed row's place and its `shared`, from the definition, one number after the other."""
    units = Known(vectors).embed([row(number) for number in range(len(vectors))]).astype(np.float64)
    pool = list(
        {units[number].tobytes(): units[number] for number in [*sealed, *reference] if units[number].any()}.values()
    )

    def cosine(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> int:
        return max(0, int(np.rint(sum(a * b for a, b in zip(one, other, strict=True)) * 1_000_000)))

    best: tuple[int, int] | None = None
    for place, number in enumerate(sealed):
        two = units[asked], units[number]
        if not (two[0].any() and two[1].any()):
            continue
        others = [one for one in pool if max(cosine(one, two[0]), cosine(one, two[1])) < 1_000_000]
        densities = [sum(sorted((cosine(one, own) for one in others), reverse=True)[:NEIGHBOURS]) for own in two]
        shared = 2 * NEIGHBOURS * cosine(*two) - sum(densities)
        if shared * 1000 >= threshold * OF and (best is None or shared > best[1]):
            best = place, shared
    return best


def test_score_is_the_cosine_where_nothing_else_lies_near():
    """A planted paraphrase of cosine 0.9 scores 900, with the integers that decide, and in no one place."""
    one = found(turned(0.9), sealed=[0], asked=[1])
    assert as_lists(one) == [[0], [0], [900], [7_200_000], [OF], [-1], [-1]]


def test_score_is_the_cosine_less_both_densities():
    """Four reference rows of cosine 0.5 with the sealed row, and 0.4 with the asked one, take 0.45 of 0.8."""
    vectors = turned(0.8, 0.5, 0.5, 0.5, 0.5)
    one = found(vectors, sealed=[0], asked=[1], reference=[2, 3, 4, 5])
    assert (one.score.tolist(), one.shared.tolist()) == ([350], [8 * 800_000 - 4 * 500_000 - 4 * 400_000])


def test_threshold_is_met_exactly():
    """A score of the threshold is a leak, one thousandth less is none."""
    vectors = turned(0.9)
    assert len(found(vectors, [0], [1], threshold=900).asked) == 1
    assert len(found(vectors, [0], [1], threshold=901).asked) == 0


def test_hub_flags_nothing():
    """A sealed row that is near to everything has no clean row for its leak; one that lies alone is found."""
    rng = np.random.default_rng(3)
    middle = np.eye(40)[0]
    crowd = middle + 0.1 * rng.normal(size=(60, 40))
    alone = np.eye(40)[1] + 0.01 * rng.normal(size=40)
    vectors = np.vstack([middle, np.eye(40)[1], crowd, alone])
    one = found(vectors, sealed=[0, 1], asked=[*range(32, 62), 62], reference=list(range(2, 32)), threshold=200)
    assert (one.asked.tolist(), one.sealed.tolist()) == ([30], [1])


def test_asked_row_is_no_neighbour_of_itself():
    """A row that is one of the reference's is judged as if it were not, so that clean rows can be tried out."""
    vectors = turned(0.8, 0.5, 0.5, 0.3, 0.6)
    with_itself = found(vectors, [0], [1], reference=[1, 2, 3, 4, 5])
    assert as_lists(with_itself) == as_lists(found(vectors, [0], [1], reference=[2, 3, 4, 5]))


def test_sealed_copies_do_not_hide_one_another():
    """Ten copies of one sealed row are one neighbour; the first is named."""
    assert as_lists(found(turned(0.9), sealed=[0] * 10, asked=[1])) == as_lists(found(turned(0.9), [0], [1]))


def test_of_equally_like_sealed_rows_the_first_is_named():
    """Two sealed rows as near as one another, by mirror."""
    one = found([[1, 0, 0], [0, 1, 0], [1, 1, 0]], sealed=[1, 0], asked=[2])
    assert one.sealed.tolist() == [0]


def test_nothing_sealed_nothing_found():
    """An empty sealed side, and no rows asked about, give no finding and no call."""
    detector = EmbeddingDetector(Known([[1.0]]), 1, [])
    assert len(detector.index(rows([])).find(rows([0])).asked) == 0
    assert len(detector.index(rows([0])).find(rows([])).asked) == 0


def test_short_rows_are_not_judged():
    """Rows of seven words are neither found nor sought, and a short one is not sent to the embedder."""
    embedder = Known(turned(0.99))
    detector = EmbeddingDetector(embedder, 1, [])
    short, long = Prepared(pl.Series([row(0, 7)])), rows([1])
    assert len(detector.index(short).find(long).asked) == 0
    index = detector.index(long)
    embedder.asked.clear()
    assert len(index.find(Prepared(pl.Series([row(0, 7)]))).asked) == 0
    assert embedder.asked == []


def test_unseen_texts_match_nothing():
    """A text of which the embedder sees nothing is like no other, not even like itself."""
    one = found(turned(0.9), sealed=[0], asked=["nothing", 1])  # type: ignore[list-item]
    assert one.asked.tolist() == [1]
    detector = EmbeddingDetector(Known(turned(0.9)), 1, ["nothing"])
    assert detector.index(rows(["nothing", 0])).find(rows(["nothing", 1])).sealed.tolist() == [1]


numbers = st.lists(st.integers(0, 11), max_size=12)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(-2, 3), min_size=5, max_size=5), min_size=12, max_size=12),
       numbers.filter(bool), numbers, numbers, st.sampled_from([1, 100, 300, 700]))  # fmt: skip
def test_equal_to_brute_force(vectors, sealed, asked, reference, threshold):
    """Of any vectors, equal ones and zeros among them, every row's finding is that of the definition."""
    given_vectors = np.array(vectors, dtype=np.float64)
    if not given_vectors[sealed].any():
        return
    one = found(given_vectors, sealed, asked, reference, threshold)
    answers = {place: (best, shared) for place, best, shared in zip(one.asked, one.sealed, one.shared, strict=True)}
    for place, number in enumerate(asked):
        assert answers.get(place) == brute(given_vectors, sealed, number, reference, threshold)


def test_answers_do_not_hang_on_the_batch(monkeypatch):
    """All rows at once, one at a time and in blocks of few: the same findings to the millionth."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(400, 96)) + 1.5 * rng.normal(size=(20, 96))[rng.integers(20, size=400)]
    sealed, reference, asked = list(range(120)), list(range(120, 200)), list(range(200, 400))
    whole = found(vectors, sealed, asked, reference)
    assert len(whole.asked) > 0
    monkeypatch.setattr(embedding_pool, "_AT_ONCE", 700)
    assert as_lists(found(vectors, sealed, asked, reference)) == as_lists(whole)
    index = EmbeddingDetector(Known(vectors), 1, [row(number) for number in reference]).index(rows(sealed))
    singly = [(place, index.find(rows([number]))) for place, number in enumerate(asked)]
    told = [(place, int(one.sealed[0]), int(one.shared[0])) for place, one in singly if len(one.asked)]
    assert told == list(zip(whole.asked.tolist(), whole.sealed.tolist(), whole.shared.tolist(), strict=True))


class Broken(Known):
    """Right while the sealed side is read, then as `answer` has it."""

    def __init__(self, answer) -> None:
        super().__init__(turned(0.9))
        self.answer, self.calls = answer, 0

    def embed(self, texts):
        """See `Embedder`."""
        self.calls += 1
        return super().embed(texts) if self.calls == 1 else self.answer(super().embed(texts))


def refuse(_vectors):
    raise RuntimeError("row text that no one may read")


def with_nan(vectors):
    return np.full_like(vectors, np.nan)


FAULTS = {
    "raises": (refuse, "RuntimeError"),
    "not a number": (with_nan, "not finite"),
    "a row too few": (lambda vectors: vectors[:-1], r"shape \(1, 2\) to 2 texts"),
    "flat": (lambda vectors: vectors.ravel(), r"shape \(4,\) to 2 texts"),
    "of other size": (lambda vectors: np.hstack([vectors, vectors]), "4 numbers, and before of 2"),
    "too long": (lambda vectors: 2 * vectors, "neither 1 nor 0"),
    "integers": (lambda vectors: vectors.astype(np.int64), "not finite"),
    "words": (lambda _: [["one", "two"]] * 2, "not finite"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_embedder_is_never_clean(fault):
    """Whatever is wrong with an answer, the scan says that the detector did not run, and shows no text."""
    answer, cause = FAULTS[fault]
    scan = LeakScan([EmbeddingDetector(Broken(answer), 200, [])], timeout_s=60)
    asked = pl.DataFrame({"row_id": ["a", "b"], "text": [row(1), row(0)]})
    scanned = scan.run(pl.Series([row(0)]), [asked])
    run = scanned.runs.row(0, named=True)
    assert (run["ran"], scanned.found.height) == (False, 0)
    assert pl.Series([run["cause"]]).str.contains(cause).all()
    assert "no one may read" not in run["cause"]


def test_blind_embedder_is_never_clean():
    """One that sees nothing of any sealed row can find none: it fails, and says what to do."""
    blind = TfidfSvd([])
    with pytest.raises(StageFailed, match=r"tfidf_svd sees nothing of any of 2 sealed rows.*needs more anchors"):
        EmbeddingDetector(blind, 200, []).index(rows([0, 1]))


def test_embedder_that_does_not_say_where_texts_go_is_refused():
    """Who sees sealed texts must be known: an embedder without `sends_to` is not taken for a local one."""

    class Silent:
        name, digest, embed = "silent", "0" * 64, Known(turned(0.9)).embed

    with pytest.raises(AttributeError):
        EmbeddingDetector(Silent(), 200, [])  # type: ignore[arg-type]


def test_provider_is_told():
    """The scan names the provider of an embedder that calls an endpoint, and none for a local one."""
    declared = EndpointEmbedder(kind="endpoint", provider="acme", model="m", revision="1")
    remote = EmbeddingDetector(EndpointEmbeddings(declared, "http://127.0.0.1:9/v1"), 200, [])
    assert LeakScan([remote], 1).sends_to == ("acme",)
    assert LeakScan([EmbeddingDetector(TfidfSvd([]), 200, [])], 1).sends_to == ()


@pytest.mark.parametrize("threshold", [0, 1001])
def test_threshold_out_of_bounds(threshold):
    """A threshold that everything or nothing reaches is refused."""
    with pytest.raises(ValueError, match="between 1 and 1000"):
        EmbeddingDetector(Known([[1.0]]), threshold, [])


def test_reference_is_drawn_whatever_its_order():
    """Of many reference rows the same are drawn in any order: the same findings."""
    rng = np.random.default_rng(8)
    vectors = rng.normal(size=(3_000, 8))
    reference = list(range(200, 3_000))
    one = found(vectors, list(range(100)), list(range(100, 200)), reference)
    assert as_lists(found(vectors, list(range(100)), list(range(100, 200)), reference[::-1])) == as_lists(one)


def test_shortcut_by_words_keeps_planted_copies(monkeypatch):
    """Where rows that share no rare word are passed over, copies of sealed rows with words moved are found as before.

    And of the rest no finding is another than without the shortcut, whose docstring says what it may miss.
    """
    rng = np.random.default_rng(11)
    shares = 1 / (np.arange(3_000) + 2.7)
    drawn = rng.choice(3_000, size=(1_300, 14), p=shares / shares.sum())
    texts = [" ".join(f"w{word}" for word in words) for words in drawn]
    sealed, reference, clean = texts[:500], texts[500:1_000], texts[1_000:]
    copies = [" ".join([*text.split()[5:], *text.split()[:5]]) for text in sealed[:100]]
    detector = EmbeddingDetector(TfidfSvd(reference), 300, reference)
    asked = Prepared(pl.Series([*copies, *clean]))
    whole = detector.index(Prepared(pl.Series(sealed))).find(asked)
    monkeypatch.setattr(embedding, "FEW_SEALED", 10)
    monkeypatch.setattr(embedding_words, "_FEW", 5)
    index = detector.index(Prepared(pl.Series(sealed)))
    assert index.words is not None
    by_words = index.find(asked)
    answers = set(zip(*as_lists(by_words), strict=True))
    assert answers <= set(zip(*as_lists(whole), strict=True))
    assert set(range(100)) & set(by_words.asked.tolist()) == set(range(100)) & set(whole.asked.tolist())
    assert len(whole.asked) > 90
