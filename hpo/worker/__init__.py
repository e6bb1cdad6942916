"""Workers: each takes trials from a study, one at a time, until its budget is spent."""
