"""optuna-dashboard with access control, a note for each study, and figures for each trial."""
