-- Prepares a Postgres server (15 or later) for hpo: a role that is no administrator, and its database.
-- Run it once, as an administrator:
--
--   HPO_PASSWORD=... psql -f storage/create.sql postgresql://postgres@db.example/postgres
--
-- (-v name=NAME gives both another name). Then `hpo init` makes the tables, with
-- HPO_DATABASE_URL=postgresql://hpo:PASSWORD@db.example/hpo

\set ON_ERROR_STOP on
\getenv password HPO_PASSWORD
\if :{?password}
\else
  \warn 'storage/create.sql: set HPO_PASSWORD to the password of the new role'
  SELECT 1 / 0;
\endif

\if :{?name}
\else
  \set name hpo
\endif

CREATE ROLE :"name" LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE DATABASE :"name" OWNER :"name" ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
