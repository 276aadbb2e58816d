"""Helpers of the tests: raw client, server processes, the shared server."""
