#!/bin/sh
# Refuses passwords that are missing, short, well known or used twice. Runs before anything else starts.
set -eu
cd "${1:-/run/secrets}"

refuse() {
  echo "secrets/$1: $2: write another one into it, or delete it and run deploy/make-secrets.sh" >&2
  exit 1
}

for name in *; do
  password=$(cat "$name")
  test -n "$password" || refuse "$name" "it is empty"
  test "${#password}" -ge 12 || refuse "$name" "fewer than 12 characters can be guessed"
  case $(printf %s "$password" | tr '[:upper:]' '[:lower:]') in
    *password* | *changeme* | *change-me* | *secret* | *123456* | *qwerty* | *postgres* | *example*)
      refuse "$name" "this is a default or well-known password" ;;
  esac
  for other in *; do
    test "$other" = "$name" || test "$(cat "$other")" != "$password" || refuse "$name" "it is that of $other, too"
  done
done
