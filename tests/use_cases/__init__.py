"""What people do with such a server, through redis-py as they would write it."""
