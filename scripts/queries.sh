# The checked queries' knowledge of the database: .sqlx, written by the query macros themselves. Sourced by dev.

# fresh_queries <folder> <lint options>: compiles everything against a new database that has all migrations.
# The stamp among clippy's options makes it look at every crate of ours again; dependencies stay as they are.
fresh_queries() {
  local folder=$1 server database
  shift
  server=$(throwaway_postgres $$)
  database=${server%/postgres\?*}/queries?${server##*\?}
  migrated "$server" "$database"
  SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$folder DATABASE_URL=$database \
    cargo clippy --workspace --all-targets --all-features -- "$@" --cfg "queries_$$_$(date +%s)"
}

# migrated <server> <database>: makes the database with the migrations of both crates.
migrated() {
  local psql file
  psql=$(postgres_bin)/psql
  [ -x "$psql" ] || psql=psql
  "$psql" -qX "$1" -c 'CREATE DATABASE queries'
  for file in migrations/*.sql market/migrations/*.sql; do
    [ ! -e "$file" ] || PGOPTIONS='-c client_min_messages=warning' "$psql" -qX "$2" -v ON_ERROR_STOP=1 -f "$file" >/dev/null
  done
}

# Replaces .sqlx as a whole, so that queries that are gone leave nothing behind.
refresh_queries() {
  local folder
  folder=$(mktemp -d)
  fresh_queries "$folder" --cap-lints=allow
  mkdir -p .sqlx
  rm -f .sqlx/query-*.json
  find "$folder" -name 'query-*.json' -exec cp {} .sqlx/ \;
  rm -rf "$folder"
  echo "$(ls .sqlx | wc -l | tr -d ' ') queries are in .sqlx"
}

check_queries() {
  local folder
  folder=$(mktemp -d)
  fresh_queries "$folder" "$@"
  if ! diff -r "$folder" .sqlx; then
    rm -rf "$folder"
    die 'The committed .sqlx does not fit the migrations and the queries any more: run ./dev prepare'
  fi
  rm -rf "$folder"
}
