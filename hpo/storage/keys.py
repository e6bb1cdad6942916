"""The keys of the attributes that hpo stores with studies and trials."""

# User attributes of a study.
DEFINITION = "hpo:definition"  # the content of its file
ORIGIN = "hpo:origin"  # what else it was created from
CONTROL = "hpo:control"  # whether its workers are to run, pause or stop

# User attributes of a trial, which the dashboard shows.
SEED = "seed"
ENVIRONMENT = "environment"
DEVICE = "device"
EARLIER = "earlier machines"  # where it began before: an environment and a device each
RUNS = "runs"  # when each worker began and ended its part, in POSIX seconds
FOLDS = "folds"  # the values of the finished folds
ERROR = "error"  # why it failed or diverged
WARM_START = "warm_start"  # the trial of another study that its values come from
RETRY_OF = "retry_of"  # the failed trial whose place it takes

# System attributes of a trial, for workers.
OWNER = "hpo:owner"  # the lease that may write to it while it runs
PAUSED = "hpo:paused"  # the rung at which it waits; deleted when it is taken again
GRANTED = "hpo:granted"  # the step up to which it may climb, where the budget counts steps
CHECKPOINT = "hpo:checkpoint"  # what it can be resumed from: a fold, from 0, and an artifact
LOSSES = "hpo:losses"  # how many workers have died since its last step, and how many steps it had
RAISED = "hpo:raised"  # the type of the error that failed it, and where it was raised
RETRIES = "hpo:retries"  # the temporary errors after which it was handed back
GIVEN = "fixed_params"  # Optuna's own: the values that it was queued with
