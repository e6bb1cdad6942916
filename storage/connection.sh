#!/bin/sh
# What backup.sh and restore.sh share: how to say that the input is wrong, and where the database is. For
# hpo the URL may name its driver, which is nothing to Postgres' own programs.

refuse() {
  echo "$0: $1" >&2
  exit 2
}

test -n "${HPO_DATABASE_URL:-}" || refuse "set HPO_DATABASE_URL"
# shellcheck disable=SC2034 # they use it
url=postgresql:${HPO_DATABASE_URL#*:}
if test -n "${HPO_DATABASE_PASSWORD_FILE:-}"; then
  PGPASSWORD=$(cat "$HPO_DATABASE_PASSWORD_FILE")
  export PGPASSWORD
fi
