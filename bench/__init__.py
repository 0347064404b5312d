"""The benchmarks: each measure beside its baseline in the same run. `docs/benchmarks.md` says how to read them."""
