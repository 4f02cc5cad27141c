#!/usr/bin/env bash
# install.sh compile|run|test: makes sure that this machine has what Parley needs beside Go, and installs it where it can.
#
#   compile   a C compiler: enough for what Parley is made of
#   run       and libvips and PostgreSQL: to build Parley and to run it
#   test      and Chromium, Redis, nginx and fonts: to test it
#
# On Debian and Ubuntu the packages come through apt-get, with sudo where that is needed. Elsewhere it names what is
# missing and how to get it. It takes a few milliseconds where nothing is missing, and never removes anything.
set -euo pipefail

# --- as root: install.sh --packages NAME… ----------------------------------------------------------------------------
# Called by this script itself, through sudo if need be.
install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold)
  local cluster=/etc/postgresql-common/createcluster.conf policy=/usr/sbin/policy-rc.d
  # Parley runs a PostgreSQL of its own, and so do its tests with Redis: what the packages would start stays off. Where
  # an administrator has already decided otherwise, that stands.
  if [[ " $* " == *" postgresql "* && ! -e $cluster ]]; then
    mkdir -p "${cluster%/*}"
    printf '# Parley installed PostgreSQL and runs a cluster of its own; set this to true for one of Debian'"'"'s.\ncreate_main_cluster = false\n' >"$cluster"
  fi
  if [[ ! -e $policy ]]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  # Fresh package lists only when needed: without any, or when they name versions that are gone.
  "${apt[@]}" --dry-run install --no-install-recommends "$@" >/dev/null 2>&1 || "${apt[@]}" update
  # Older releases have no Chromium without a window; the one with windows does as well, and takes longer.
  apt-cache show chromium-headless-shell >/dev/null 2>&1 || set -- "${@/#chromium-headless-shell/chromium}"
  "${apt[@]}" install --no-install-recommends "$@" || { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"; }
}
if [[ ${1-} == --packages ]]; then
  shift
  install_packages "$@"
  exit
fi

# --- what is missing? ------------------------------------------------------------------------------------------------
case ${1-} in compile | run | test) ;; *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac

missing=()  # for people
packages=() # for apt-get
need() { # need "what it is" package… ; the check itself comes before: check || need …
  missing+=("$1")
  shift
  packages+=("$@")
}
has() { command -v "$1" >/dev/null 2>&1; }
has_postgres() { # PostgreSQL 15 or later, where Parley looks for it
  local dir major
  [[ -n ${PARLEY_DATABASE_URL-}${PARLEY_DATABASE_URL_FILE-} && $1 == run ]] && return 0
  for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* {/opt/homebrew,/usr/local,/home/linuxbrew/.linuxbrew}/opt/postgresql*/bin \
    /Applications/Postgres.app/Contents/Versions/*/bin ${PATH//:/ }; do
    [[ -x $dir/initdb && -x $dir/postgres ]] || continue
    major=$(grep -oE '[0-9]+' <<<"${dir##*postgresql}" | head -1) || major=
    [[ ${major:-15} -ge 15 ]] && return 0
  done
  return 1
}
has_compiler() {
  has "${CC:-gcc}" || has cc || return 1
  [[ $(uname -s) != Linux || -e /usr/include/stdio.h ]]
}
has_browser() { has chromium-headless-shell || has chromium || has chromium-browser || has google-chrome || has google-chrome-stable || [[ -d "/Applications/Google Chrome.app" ]]; }
has_font() { [[ $(uname -s) != Linux ]] || compgen -G "/usr/share/fonts/*/$1" >/dev/null; }

has_compiler || need "a C compiler and the C library's headers" gcc libc6-dev
if [[ $1 != compile ]]; then
  has pkg-config || need "pkg-config" pkg-config
  { has pkg-config && pkg-config --exists vips; } || need "libvips with its headers" libvips-dev
  has_postgres "$1" || need "PostgreSQL 15 or later (its programs; no server has to run)" postgresql
fi
if [[ $1 == test ]]; then
  has_browser || need "Chromium" chromium-headless-shell
  has redis-server || need "Redis" redis-server
  has nginx || [[ -x /usr/sbin/nginx ]] || need "nginx" nginx-light
  # Pages in the tests show every script; a machine without fonts draws boxes.
  has_font 'noto/NotoSans-Regular.*' || has_font 'dejavu/DejaVuSans.ttf' || need "fonts for Latin, Greek, Cyrillic and Arabic" fonts-dejavu-core
  has_font 'lohit-devanagari/*' || has_font 'noto/NotoSansDevanagari*' || need "a font for Hindi" fonts-lohit-deva
  has_font 'noto/NotoColorEmoji.ttf' || need "a font for emoji" fonts-noto-color-emoji
  has_font 'droid/DroidSansFallbackFull.ttf' || has_font 'noto/NotoSansCJK*' || need "a font for Chinese, Japanese and Korean" fonts-droid-fallback
fi
[[ ${#missing[@]} -eq 0 ]] && exit 0

# --- install it ------------------------------------------------------------------------------------------------------
refuse() { # refuse "why" "how to get it"
  {
    echo "Parley needs these, and cannot install them itself: $1"
    printf '  - %s\n' "${missing[@]}"
    echo "Install them like this:"
    printf '  %s\n' "$2"
  } >&2
  exit 1
}
case $(uname -s) in
  Darwin) refuse "this is macOS" "brew install vips pkg-config postgresql@17$([[ $1 == test ]] && echo ' redis nginx && brew install --cask chromium')" ;;
esac
command="apt-get install --no-install-recommends ${packages[*]}"
has apt-get || refuse "there is no apt-get here" "with this system's own package manager; on Debian and Ubuntu: $command"

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  as_root=(sudo)
  has sudo || refuse "you are not root, and there is no sudo" "as root: $command"
  if ! sudo -n true 2>/dev/null; then
    [[ -t 0 ]] || refuse "sudo asks for a password, and there is no terminal to type it" "sudo $command"
    echo "Parley needs some packages of this system; sudo may ask for your password."
  fi
fi
echo "Installing ${packages[*]} (a minute or two) …"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# sudo asks at the terminal itself, so the output can go to a file.
if ! "${as_root[@]}" bash "$0" --packages "${packages[@]}" >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  refuse "apt-get failed, see above" "${as_root[*]:+sudo }$command"
fi
