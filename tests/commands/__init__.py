"""Tests of commands, one file a family; see dialogue.py for how they are written."""
