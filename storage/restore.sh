#!/bin/sh
# Restores a file that backup.sh wrote to a database without tables: all of it, or nothing.
#
#   export HPO_DATABASE_URL=postgresql://hpo@db.example/hpo HPO_DATABASE_PASSWORD_FILE=secrets/owner
#   storage/restore.sh hpo.dump
#
# The role must be the owner that create.sql made with the database. Needs a pg_restore that is not older than
# the pg_dump that wrote the file. Write - in place of the file for standard input.
set -eu
. "$(dirname "$0")/connection.sh"
test $# -eq 1 || refuse "name the file to restore, or -"
test "$1" = - || test -r "$1" || refuse "$1 can't be read"

tables=$(psql --no-psqlrc --quiet --tuples-only --no-align --dbname="$url" \
  --command="SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
test "$tables" -eq 0 || refuse "the database has tables already: restore into an empty one"

test "$1" = - || exec < "$1"
pg_restore --single-transaction --exit-on-error --no-owner --no-privileges --dbname="$url"
