"""What `make bench` runs: figures beside a peer measured in the same run. Nothing here is a test."""
