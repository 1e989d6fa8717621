"""The predictor process that the vault's scorer starts: JSON lines with a text in, one label a line out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable


def main(arguments: list[str]) -> None:
    """Answer every row on standard input. Arguments: a model file, or `--always LABEL`."""
    predict = _constant(arguments[1]) if arguments[0] == "--always" else _model(arguments[0])
    texts = [json.loads(line)["text"] for line in sys.stdin]
    sys.stdout.writelines(f"{label}\n" for label in predict(texts))


def _constant(label: str) -> Callable[[list[str]], list[str]]:
    return lambda texts: [label] * len(texts)


def _model(path: str) -> Callable[[list[str]], list[str]]:
    import joblib

    model = joblib.load(path)
    return lambda texts: [str(label) for label in model.predict(texts)] if texts else []


if __name__ == "__main__":
    main(sys.argv[1:])
