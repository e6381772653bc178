# SPDX-License-Identifier: PostgreSQL
# lib.sh: what the install scripts of the drivers share. Each is called with DRIVER_CACHE, a folder outside the tree
# where everything goes; a version is pinned in the driver's own folder, and nothing of it is kept in the tree.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/common.sh"
HERE=$(cd "$(dirname "$0")" && pwd)
NAME=$(basename "$HERE")
: "${DRIVER_CACHE:?the runner sets it}"

# need COMMAND PACKAGE...: the distribution's packages, when the machine has no such command yet.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null && return
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

# The Python drivers share one environment; each folder pins what it wants in requirements.txt.
install_python() {
    local venv=$DRIVER_CACHE/python
    need python3 python3
    if [ ! -x "$venv/bin/pip" ]; then
        python3 -m venv "$venv" || {
            as_root apt-get update -q
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv
            python3 -m venv --clear "$venv"
        }
    fi
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$HERE/requirements.txt"
}

# The others are copied to a folder of their own in the cache, and their package manager works there.
copy_out() {
    mkdir -p "$DRIVER_CACHE/$NAME"
    cp -r "$HERE/." "$DRIVER_CACHE/$NAME/"
    cd "$DRIVER_CACHE/$NAME"
}

install_node() {
    need node nodejs npm
    need npm npm
    copy_out
    npm install --no-audit --no-fund --no-package-lock --ignore-scripts
}

install_go() {
    need go golang-go
    copy_out
    go build -o driver .
}

install_java() {
    need javac default-jdk-headless
    need mvn maven
    copy_out
    mvn -q -B package dependency:copy-dependencies -DoutputDirectory=target/lib
}

install_rust() {
    need cargo cargo
    copy_out
    CARGO_TARGET_DIR=$DRIVER_CACHE/$NAME/target cargo build -q --release
}
