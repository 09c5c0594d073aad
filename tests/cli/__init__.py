"""Tests of the command line on its own."""
