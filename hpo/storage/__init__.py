"""The database: Optuna's tables in Postgres, an embedded server or a deployed one."""
