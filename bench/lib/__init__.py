"""Shared parts of the benchmark tools; each tool is a script one folder above.

Reading order: stats (what counts as a tie), wire (sockets and the loader), procfs (CPU and
memory of a process), servers (starting and stopping), workloads (what is measured), targets
(what must be reached), report (tables and JSON), progress.
"""
