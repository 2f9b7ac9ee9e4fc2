"""Notebook 07: every method on the same photos; tables, verdicts on the paper's claims, costs, realism, figures."""
