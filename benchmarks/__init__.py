"""Benchmarks of jaxreg against other programs, judged by one certificate: see `python -m benchmarks --help`."""
