"""Training code that ships: leaves that know neither Optuna nor the rest of hpo.

Exported scripts are made of these modules, so what is written here is what a person reads there.
"""
