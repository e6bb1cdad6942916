-- Prepares a Postgres server (15 or later) for hpo: a database, and three roles that are not
-- administrators. Run it as a superuser, or as a role that may create roles and databases:
--
--   export HPO_PASSWORD=... HPO_WORKER_PASSWORD=... HPO_VIEWER_PASSWORD=...
--   psql -f storage/create.sql postgresql://postgres@db.example/postgres
--
-- hpo         owns the database. `hpo init` creates the tables as this role; no other role can.
-- hpo_worker  reads and writes them: for workers, and for people who create and control studies.
-- hpo_viewer  reads them: for a read-only dashboard.
--
-- -v name=NAME gives the database and the roles another name. The last two passwords are optional:
-- without one, its role is not created. Run it again to change passwords, or to update a database that an
-- older version of this file made. Then, with HPO_DATABASE_URL=postgresql://hpo:PASSWORD@db.example/hpo:
--
--   hpo init

\set ON_ERROR_STOP on
\set QUIET on

\if :{?name}
\else
  \set name hpo
\endif
\set worker :name _worker
\set viewer :name _viewer

\set password ''
\set worker_password ''
\set viewer_password ''
\getenv password HPO_PASSWORD
\getenv worker_password HPO_WORKER_PASSWORD
\getenv viewer_password HPO_VIEWER_PASSWORD
SELECT current_setting('is_superuser') = 'on' AS is_superuser
\gset
\if :is_superuser
  -- A server that logs statements would log the passwords in those below.
  SET log_statement = 'none';
  SET log_min_duration_statement = -1;
  SET log_min_error_statement = 'panic';
\endif

SELECT
  :'password' <> '' AS has_password,
  :'worker_password' <> '' AS has_worker,
  :'viewer_password' <> '' AS has_viewer
\gset
\if :has_password
\else
  \warn 'storage/create.sql: set HPO_PASSWORD to the password of the owner'
  SELECT 1 / 0;
\endif

SELECT format('CREATE ROLE %I', role)
FROM (VALUES (:'name', true), (:'worker', :'has_worker'), (:'viewer', :'has_viewer')) AS wanted (role, is_wanted)
WHERE is_wanted AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec

ALTER ROLE :"name" LOGIN PASSWORD :'password';
\if :has_worker
  ALTER ROLE :"worker" LOGIN PASSWORD :'worker_password';
\endif
\if :has_viewer
  ALTER ROLE :"viewer" LOGIN PASSWORD :'viewer_password';
  ALTER ROLE :"viewer" SET default_transaction_read_only = on;
\endif
GRANT :"name" TO CURRENT_USER; -- during this script: needed by a role that is not a superuser
SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' TEMPLATE template0', :'name', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name')
\gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;

\connect :"name"
SET ROLE :"name"; -- only the owner can grant these privileges, on existing and future tables

\if :has_worker
  GRANT CONNECT ON DATABASE :"name" TO :"worker";
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"worker";
  GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"worker";
  ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"worker";
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO :"worker";
\endif
\if :has_viewer
  GRANT CONNECT ON DATABASE :"name" TO :"viewer";
  GRANT SELECT ON ALL TABLES IN SCHEMA public TO :"viewer";
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO :"viewer";
\endif

RESET ROLE;
REVOKE :"name" FROM CURRENT_USER;
