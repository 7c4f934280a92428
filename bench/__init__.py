"""What is measured, each figure beside a baseline from the same run. `make bench` prints one JSON document."""
