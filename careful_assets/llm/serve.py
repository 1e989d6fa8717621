"""The embedded model's server process: `python -m careful_assets.llm.serve WEIGHTS`.

Reads an API key from the first line of standard input, serves the weights on a free loopback port, prints its
address as one line of JSON and exits when standard input ends: it dies with its parent, however the parent
dies. Started by `embedded` alone.
"""

from __future__ import annotations

import json
import os
import sys

from careful_assets.llm.weights import MODEL

PARALLEL = 8
CONTEXT_TOKENS = 8192


def main() -> None:
    """Serve until standard input ends."""
    # Only the address goes to the parent's pipe; whatever the library prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    key = sys.stdin.readline().strip()

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.model_alias = {MODEL}  # what its answers call it; else the file's path
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    # Other accounts of the machine reach a loopback port too: no key, no answer, and no page that shows
    # prompts.
    params.api_keys = [key]
    params.ui = False
    params.endpoint_slots = False
    params.n_parallel = PARALLEL
    params.n_ctx = CONTEXT_TOKENS
    params.kv_unified = True  # completions of a request share its prompt's part of the context
    # One thread a server, one server a core: threads of one server wait for each other in a busy loop, and
    # where anything else runs on the machine two threads were measured slower than one, by a factor of two to
    # four.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    # Off unless a request names them: the record of a request must hold all that decided its answer.
    params.sampling.top_k, params.sampling.min_p = 0, 0.0
    # The prompt cache and its check points help conversations; here every prompt is new.
    params.cache_ram_mib = 0
    params.n_ctx_checkpoints = 0
    server = xllamacpp.Server(params)

    answers.write(json.dumps({"address": server.listening_address}) + "\n")
    answers.flush()
    sys.stdin.read()
    os._exit(0)  # at once: answers still under way have no reader any more


if __name__ == "__main__":
    main()
