"""Run by Data Designer's own Python (the call's form stands in `running`): rows by one LLM column over the stub.

Timed: `create`, from its call until the last batch of rows stands on disk, the profile after it left out; a first
`create` of one row has loaded before what is loaded late. Its own settings: `max_parallel_requests` for the calls in
flight, no health check, no metrics port; the rest as it comes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import data_designer.config as dd
from data_designer.interface import DataDesigner


def main() -> None:
    """Generate, and write down how many rows came in how many seconds."""
    url, rows, in_flight, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    parameters = dd.ChatCompletionInferenceParams(temperature=1.0, max_tokens=60, max_parallel_requests=in_flight)
    model = dd.ModelConfig(
        alias="stub", model="stub-model", provider="stub", inference_parameters=parameters, skip_health_check=True
    )
    columns = dd.DataDesignerConfigBuilder(model_configs=[model])
    columns.add_column(dd.LLMTextColumnConfig(name="text", prompt=sys.stdin.read(), model_alias="stub"))
    provider = dd.ModelProvider(name="stub", endpoint=url, provider_type="openai", api_key="unused")
    designer = DataDesigner(artifact_path=folder / "artifacts", model_providers=[provider])
    designer.set_run_config(dd.RunConfig(otel_metrics_port=None))

    designer.create(columns, num_records=1, dataset_name="first")
    written: list[float] = []
    begun = time.perf_counter()
    made = designer.create(
        columns, num_records=rows, dataset_name="timed", on_batch_complete=lambda _: written.append(time.perf_counter())
    )
    count = int(made.load_dataset()["text"].str.startswith("row ").sum())
    (folder / "measured.json").write_text(json.dumps({"rows": count, "seconds": written[-1] - begun}))


if __name__ == "__main__":
    main()
