# shellcheck shell=bash disable=SC2034
# What building and testing needs on Debian 12; sourced by tests/run and tests/try.

packages_build="gcc libc6-dev meson ninja-build pkg-config libssl-dev zlib1g-dev libsqlite3-dev
        libsystemd-dev libinih-dev"
packages_deb="debhelper dpkg-dev fakeroot"
packages_try="$packages_build dovecot-imapd openssl python3"
packages_run="$packages_try clang libclang-rt-dev clang-format dbus-user-session fish git gnupg groff-base
        iproute2 interimap isync offlineimap3 procps python3-dbusmock socat strace systemd time valgrind zsh
        aerc gnome-keyring libsecret-tools maildir-utils mutt neomutt notmuch pass"

# install PACKAGE...: those that are missing. Needs root or sudo only then.
install() {
        local missing=() name
        command -v apt-get >/dev/null || return 0
        for name in "$@"; do
                [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
                        missing+=("$name")
        done
        [ ${#missing[@]} -eq 0 ] && return 0

        local sudo=()
        [ "$(id -u)" -eq 0 ] || sudo=(sudo)
        echo "Installing: ${missing[*]}"
        { "${sudo[@]}" apt-get update -qq &&
                "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
                        --no-install-recommends "${missing[@]}"; } </dev/null >/dev/null
}
