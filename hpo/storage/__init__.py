"""The database: Optuna's tables in Postgres, embedded under a data folder or deployed elsewhere."""
