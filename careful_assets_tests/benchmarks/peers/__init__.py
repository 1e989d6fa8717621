"""The peers that the benchmarks run beside ours, each by a runner file in an environment of its own."""
