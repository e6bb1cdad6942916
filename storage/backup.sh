#!/bin/sh
# Writes all studies into a file, also while workers run: they are as they were at one moment.
#
#   export HPO_DATABASE_URL=postgresql://hpo@db.example/hpo HPO_DATABASE_PASSWORD_FILE=secrets/owner
#   storage/backup.sh hpo.dump
#
# Needs pg_dump of the server's version, or a later one. A - in place of the file is the standard output.
set -eu
. "$(dirname "$0")/connection.sh"
test $# -eq 1 || refuse "name the file to write, or -"

dump() {
  # Who owns the tables and who may use them is left to the server where they are restored.
  pg_dump --format=custom --no-owner --no-privileges --dbname="$url" "$@"
}

if test "$1" = -; then
  test ! -t 1 || refuse "this is a terminal: send the standard output to a file"
  dump
else
  # The file has its name only when it is complete. It is nobody else's to read.
  umask 077
  trap 'rm -f "$1.part"' EXIT
  dump --file="$1.part"
  mv "$1.part" "$1"
fi
