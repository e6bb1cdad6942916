"""The names of what hpo keeps with studies and trials, as attributes beside Optuna's own."""

# With a study, user attributes.
DEFINITION = "hpo:definition"  # what was in its file
ORIGIN = "hpo:origin"  # what it was created for beside that
CONTROL = "hpo:control"  # what a person wants of it

# With a trial, user attributes: the dashboard shows them.
SEED = "seed"
ENVIRONMENT = "environment"
DEVICE = "device"
RUNS = "runs"  # when each worker began and let go, in POSIX seconds
FOLDS = "folds"  # the values of the folds that are finished
ERROR = "error"  # what happened, where it failed
WARM_START = "warm_start"  # the trial of another study that it took its values from
RETRY_OF = "retry_of"  # the failed trial whose place it takes

# With a trial, system attributes: for workers.
OWNER = "hpo:owner"  # the lease that may write to it while it runs
PAUSED = "hpo:paused"  # the rung at which it waits; none as soon as it goes on
GRANTED = "hpo:granted"  # the step up to which it may climb, where the budget counts steps
CHECKPOINT = "hpo:checkpoint"  # the training that can be gone on with: a fold, from 0, and a file
LOSSES = "hpo:losses"  # how many workers died with it since its last step, and that step
RETRIES = "hpo:retries"  # why it was handed back, each time that a worker could not go on with it
GIVEN = "fixed_params"  # Optuna's own: the values that it was queued with
