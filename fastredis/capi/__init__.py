"""Declarations of the C library for Cython: one .pxd per header of csrc/."""
