"""Tests that lie beside a skill: read, run, and judged."""
