#!/bin/sh
# Makes the passwords in secrets/ that don't exist yet, at random; docker-compose.yml says what each is for.
# To choose one yourself, write it into its file; then run `docker compose up -d` again.
set -eu
cd "$(dirname "$0")/.."

# Only you can enter the folder. Its files are readable by all, since the containers that mount them run as
# other users.
mkdir -p secrets
chmod 700 secrets

for name in postgres owner worker viewer dashboard editor token; do
  file=secrets/$name
  test -s "$file" || LC_ALL=C tr -dc A-Za-z0-9 < /dev/urandom | head -c 32 > "$file"
  chmod 644 "$file"
done
echo "The dashboard asks for user viewer and the password in secrets/dashboard."
