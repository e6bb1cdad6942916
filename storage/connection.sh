#!/bin/sh
# What backup.sh and restore.sh share: refusing bad input, and the database's URL. hpo's URL may name a driver,
# which Postgres' own programs don't understand.

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
