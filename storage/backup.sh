#!/bin/sh
# Writes a consistent snapshot of all studies to a file, also while workers run.
#
#   export HPO_DATABASE_URL=postgresql://hpo@db.example/hpo HPO_DATABASE_PASSWORD_FILE=secrets/owner
#   storage/backup.sh hpo.dump
#
# Needs pg_dump of the server's version or a later one. Write - in place of the file for standard output.
set -eu
. "$(dirname "$0")/connection.sh"
test $# -eq 1 || refuse "name the file to write, or -"

dump() {
  # Owners and privileges come from the server where the file is restored.
  pg_dump --format=custom --no-owner --no-privileges --dbname="$url" "$@"
}

if test "$1" = -; then
  test ! -t 1 || refuse "this is a terminal: send the standard output to a file"
  dump
else
  # The file gets its name only when it is complete. Nobody else may read it.
  umask 077
  trap 'rm -f "$1.part"' EXIT
  dump --file="$1.part"
  mv "$1.part" "$1"
fi
