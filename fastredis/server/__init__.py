"""The Python policy layer of the server: configuration, logs, process control.

Nothing is imported here, so that `fastredis.server.config` works without the built extension.
"""
