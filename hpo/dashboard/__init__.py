"""optuna-dashboard with a door: who may do what, a note for each study, figures for each trial."""
