"""Watch profiling groups of Amazon CodeGuru Profiler: who reports, and what the service recommends."""
