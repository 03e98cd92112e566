"""Checks that every system must pass, shipped so that others' systems can run them."""
