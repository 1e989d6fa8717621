"""Run by distilabel's own Python (the call's form stands in `running`): rows by a pipeline of one `TextGeneration`.

Timed, by the pipeline's own log: from the first batch that is sent, when the processes of all steps stand, until the
generation step has finished; the dataset that it writes afterwards is left out. Its own settings: `input_batch_size`
for the calls in flight, the cache off; the rest as it comes.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from distilabel.models.llms import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


class Moments(logging.Handler):
    """When the pipeline logged what; `created` is set in the process that did the work."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[tuple[str, float]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line and its time."""
        self._lines.append((record.getMessage(), record.created))

    def of(self, words: str) -> float:
        """The one moment that is told in these words.

        Raises:
            ValueError: not exactly one line has them.
        """
        (moment,) = [created for line, created in self._lines if words in line]
        return moment


def main() -> None:
    """Generate, and write down how many rows came in how many seconds."""
    url, rows, in_flight, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    # distilabel silences httpx's line a request; newer openai clients log it under this name.
    logging.getLogger("httpx2").setLevel(logging.CRITICAL)
    data = [{"instruction": sys.stdin.read()}] * rows
    parameters = {"temperature": 1.0, "max_new_tokens": 60}
    with Pipeline(name="peer", cache_dir=folder / "cache") as pipeline:
        llm = OpenAILLM(model="stub-model", base_url=url, api_key="unused", generation_kwargs=parameters)
        loaded = LoadDataFromDicts(name="load", data=data, batch_size=in_flight)
        loaded >> TextGeneration(name="generate", llm=llm, input_batch_size=in_flight, use_cache=False)

    moments = Moments()
    made = pipeline.run(use_cache=False, logging_handlers=[moments])
    texts = made["default"]["train"]["generation"]
    seconds = moments.of("Finished running step 'generate'") - moments.of("Step 'load' sending batch 0")
    count = sum(str(text).startswith("row ") for text in texts)
    (folder / "measured.json").write_text(json.dumps({"rows": count, "seconds": seconds}))


if __name__ == "__main__":
    main()
