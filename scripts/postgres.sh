# A PostgreSQL server that is thrown away after use. Sourced by dev and by the test scripts.
# (The product's own private server, which keeps its data, is in kernel/src/db/cluster.rs.)

# The folder with the server's programs; the same search as in kernel/src/db/cluster/binaries.rs.
postgres_bin() {
  local folder
  while IFS= read -r folder; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && [ -x "$folder/pg_ctl" ]; then
      echo "$folder"
      return
    fi
  done < <(postgres_folders)
  return 1
}

postgres_folders() {
  echo "${OTREE_HR_PG_BIN:-}"
  ls -d /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin \
    /usr/pgsql-*/bin 2>/dev/null | sed 's|.*[/@-]\([0-9]*\)/bin$|\1 &|' | sort -rn | cut -d ' ' -f 2-
  tr ':' '\n' <<<"$PATH"
}

# throwaway_postgres <process>: starts a server, prints its address; a watchdog removes it after the process.
throwaway_postgres() {
  local bin folder
  bin=$(postgres_bin) || { echo 'no PostgreSQL server is installed; ./dev test installs one' >&2 && return 1; }
  folder=$(mktemp -d /tmp/otree-hr.XXXXXX)
  watchdog "$1" "$bin" "$folder"
  [ "$(id -u)" != 0 ] || chown "$(server_user)" "$folder"
  as_server "$folder" "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null
  as_server "$folder" "$bin/pg_ctl" -D "$folder/data" -s -w -l "$folder/log" start -o \
    "-k $folder -p 5432 -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
  echo "postgres://postgres@localhost:5432/postgres?host=$folder"
}

# In a process group of its own, deaf to the terminal: it must outlive whoever is interrupted.
watchdog() {
  set -m
  (
    trap '' HUP INT TERM
    exec </dev/null >/dev/null 2>&1
    cd /
    while kill -0 "$1"; do sleep 1; done
    as_server "$3" "$2/pg_ctl" -D "$3/data" -m immediate stop
    rm -rf "$3"
  ) &
  disown
  set +m
}

# PostgreSQL refuses to run as root.
server_user() { if id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi; }

as_server() {
  local folder=$1
  shift
  if [ "$(id -u)" = 0 ]; then
    (cd "$folder" && LC_ALL=C setpriv --reuid="$(server_user)" --regid="$(id -g "$(server_user)")" --clear-groups "$@")
  else
    (cd "$folder" && LC_ALL=C "$@")
  fi
}
