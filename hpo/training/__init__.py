"""The training code, which is copied into exported scripts.

It imports neither Optuna nor the rest of hpo, and its docstrings and comments are read in scripts.
"""
