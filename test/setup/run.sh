#!/bin/sh
# Runs a program of this repository on the Node 24 that its lockfile pins, installing the npm packages first
# where they are missing or older than the lockfile. Needs only a POSIX shell and any npm.
#   sh test/setup/run.sh FILE.ts [ARGUMENT...]     run a TypeScript program
#   sh test/setup/run.sh --jest [ARGUMENT...]      run unit tests
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"

stamp=node_modules/.installed-lockfile
if [ ! -x node_modules/.bin/node ] || ! cmp -s package-lock.json "$stamp"; then
  if ! command -v npm >/dev/null 2>&1; then
    echo "npm is missing. Install Node.js with npm (any version; Debian: apt-get install npm) and run this again." >&2
    exit 1
  fi
  echo "Installing npm packages (about a minute, once per lockfile) ..." >&2
  # No package needs its install script here; not running them keeps a hostile update from doing anything at install.
  # Not `npm ci`: it refuses a lockfile that lacks optional packages of other platforms, which some mirrors do not carry.
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json "$stamp"
fi

PATH="$root/node_modules/.bin:$PATH"
export PATH
if [ "${1:-}" = "--jest" ]; then
  shift
  exec node --import ./test/setup/compile-once.mjs --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js "$@"
fi
exec node --no-warnings "$@"
