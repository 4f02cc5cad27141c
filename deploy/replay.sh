#!/usr/bin/env bash
# replay.sh: does what the Dockerfile says without Docker, on Debian: its two stages become two folders made by
# debootstrap, its steps run in them with chroot, and the result is started as docker-compose.yml starts it: as its user,
# without capabilities, on a read-only root, against a PostgreSQL outside. Needs root, debootstrap, Go, PostgreSQL's
# programs, curl and some 2 GB under TMPDIR. Not part of `make test`.
#
# What it cannot show: the base images themselves (it makes their like), the builder's cache, Docker's networks, volumes
# and secrets, and the healthchecks' timing.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $(id -u) == 0 ]] || { echo "replay.sh needs root" >&2; exit 2; }

top=$(mktemp -d "${TMPDIR:-/tmp}/parley-replay.XXXXXX")
chmod 755 "$top"
server= database=
finish() {
  set +e
  [[ -z $server ]] || { kill "$server"; wait "$server"; } 2>/dev/null
  [[ -z $database ]] || as_postgres "$bin/pg_ctl" -D "$top/database/data" -m fast -w stop >/dev/null
  tac /proc/mounts | grep -o " $top/[^ ]*" | while read -r mount; do umount -l "$mount"; done
  rm -rf --one-file-system "$top"
}
trap finish EXIT
say() { printf '== %s\n' "$*"; }

# --- the Dockerfile: one instruction a line --------------------------------------------------------------------------
instructions=$(sed -e '/^#/d' Dockerfile | sed -e ':a' -e '/\\$/{N;s/ *\\\n */ /;ba' -e '}' | grep .)
release=$(sed -n 's/^FROM debian:\([a-z]*\)-slim.*/\1/p' <<<"$instructions")
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  awk '/^URIs:/ { print $2 } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; break } }' | grep -E '/debian/?$' | head -1) || true

say "a minimal Debian $release, the like of both base images"
debootstrap --variant=minbase --include=ca-certificates "$release" "$top/base" "$mirror" >"$top/log" 2>&1 || { tail "$top/log"; exit 1; }
cp -r /etc/apt/apt.conf.d/. "$top/base/etc/apt/apt.conf.d/"
if [[ -e /etc/apt/sources.list.d/debian.sources ]]; then
  rm -f "$top/base/etc/apt/sources.list"
  cp /etc/apt/sources.list.d/debian.sources "$top/base/etc/apt/sources.list.d/"
fi

enter() { # enter stage: makes the folder of a stage usable
  mkdir -p "$top/$1"
  cp -a "$top/base/." "$top/$1/"
  mount -t proc proc "$top/$1/proc"
  mount --rbind /dev "$top/$1/dev" && mount --make-rslave "$top/$1/dev"
  cp -L /etc/resolv.conf /etc/hosts "$top/$1/etc/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$top/$1/etc/ssl/certs/" # those of this machine's network
}
in_stage() { # in_stage command…: as root, with the stage's variables
  chroot "$root" env -i PATH="$path" HOME=/root DEBIAN_FRONTEND=noninteractive GOPATH=/go GOPROXY="$(go env GOPROXY)" GOSUMDB="$(go env GOSUMDB)" "${variables[@]}" "$@"
}

declare -A folder
variables=() environment=() user=0:0 entrypoint= health=
while read -r instruction rest; do
  say "$instruction $rest"
  case $instruction in
    FROM)
      name=$(awk '{ print ($2 == "AS") ? $3 : "final" }' <<<"$rest")
      enter "$name"
      root=$top/$name folder[$name]=$top/$name variables=() workdir=/
      path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      if [[ $rest == golang:* ]]; then # which is Debian with these, and Go
        chroot "$root" sh -c 'apt-get update && apt-get install -y --no-install-recommends g++ gcc libc6-dev make pkg-config git' >>"$top/log" 2>&1 </dev/null
        mkdir -p "$root/usr/local/go"
        mount --bind "$(go env GOROOT)" "$root/usr/local/go"
        path=/usr/local/go/bin:$path
        [[ $rest == "golang:$(go env GOVERSION | grep -oE '[0-9]+\.[0-9]+' | head -1)-"* ]] || { echo "this machine's Go is another"; exit 1; }
      fi
      ;;
    ARG)
      case $rest in
        VERSION=*) variables+=("VERSION=replayed") ;;
        *) variables+=("$rest") ;;
      esac
      ;;
    ENV) read -ra words <<<"$rest"; environment+=("${words[@]}") ;;
    WORKDIR) workdir=$rest; mkdir -p "$root$workdir" ;;
    COPY)
      if [[ $rest == --from=* ]]; then
        read -r from source target <<<"$rest"
        cp -a "${folder[${from#--from=}]}$source" "$root$target"
      else # the files of the last commit, without those that .dockerignore names
        git -c safe.directory='*' archive HEAD | tar -x -C "$root$workdir"
        (cd "$root$workdir" && while read -r pattern; do
          case $pattern in
            '' | '#'*) ;;
            '.*') find . -mindepth 1 -maxdepth 1 -name '.*' -exec rm -rf {} + ;;
            '**/'*) find . -name "${pattern#**/}" -exec rm -rf {} + ;;
            /*) rm -rf ./${pattern#/} ;; # unquoted: it may be a pattern
          esac
        done <"$OLDPWD/.dockerignore")
      fi
      ;;
    RUN)
      while [[ $rest == --mount=* ]]; do
        [[ $rest != --mount=type=cache,target=/go/pkg/mod\ * ]] || { # this machine's modules are the builder's cache
          mkdir -p "$root/go/pkg/mod" "$(go env GOMODCACHE)"
          mount --bind "$(go env GOMODCACHE)" "$root/go/pkg/mod"
        }
        rest=${rest#* }
      done
      in_stage sh -c "cd $workdir && $rest" >>"$top/log" 2>&1 </dev/null || { tail -20 "$top/log"; exit 1; }
      ;;
    USER) user=$rest ;;
    ENTRYPOINT) entrypoint=$(tr -d '[]",' <<<"$rest") ;;
    HEALTHCHECK) health=$(sed 's/.*CMD //' <<<"$rest" | tr -d '[]",') ;;
    LABEL | EXPOSE | VOLUME) ;; # say something to Docker alone
    *) echo "replay.sh does not know $instruction"; exit 1 ;;
  esac
done <<<"$instructions"
for i in "${!environment[@]}"; do environment[i]=${environment[i]//\"/}; done

say "packages in the image: $(chroot "$root" dpkg-query -f '.\n' -W | wc -l), $(du -sxm "$root" | cut -f1) MB; compilers: $(chroot "$root" sh -c 'command -v gcc cc go || echo none')"
say "libraries that the binary lacks: $(chroot "$root" ldd /usr/local/bin/parley | grep 'not found' || echo none)"

# --- a PostgreSQL outside, made as docker-compose.yml says -----------------------------------------------------------
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
as_postgres() { (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); }
port() { # a free one
  local port
  for port in $(shuf -i 20000-40000 -n 50); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}
flags=$(sed -n 's/ *POSTGRES_INITDB_ARGS: //p' docker-compose.yml)
say "PostgreSQL $("$bin/postgres" --version | grep -oE '[0-9.]+' | head -1), initdb $flags"
install -d -o postgres -m 0700 "$top/database"
echo secret >"$top/password"
chmod 644 "$top/password"
# shellcheck disable=SC2086 # Several words.
as_postgres "$bin/initdb" -D "$top/database/data" -U parley --pwfile="$top/password" -A scram-sha-256 $flags >>"$top/log"
pgport=$(port)
as_postgres "$bin/pg_ctl" -D "$top/database/data" -w -l "$top/database/log" -o "-c listen_addresses=127.0.0.1 -c port=$pgport -c unix_socket_directories=$top/database" start >>"$top/log"
database=yes
PGPASSWORD=secret psql -q -h 127.0.0.1 -p "$pgport" -U parley -d postgres -c 'CREATE DATABASE parley'

# --- run it ----------------------------------------------------------------------------------------------------------
mkdir -p "$root/run/secrets"
printf 'postgres://parley:secret@127.0.0.1:%s/parley?sslmode=disable\n' "$pgport" >"$root/run/secrets/database_url"
chmod 444 "$root/run/secrets/database_url"
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs tmpfs "$root/tmp"
mkdir "$top/volume"
chown "$user" "$top/volume"
mount --bind "$top/volume" "$root/var/lib/parley"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev"
address=127.0.0.1:$(port)
# A command in it, as docker-compose.yml has it.
contained=(chroot "$root" /usr/bin/setpriv --reuid="${user%:*}" --regid="${user#*:}" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all
  env -i -C /var/lib/parley PATH=/usr/local/bin:/usr/bin:/bin "${environment[@]}" PARLEY_ADDR="$address" PARLEY_DATABASE_URL_FILE=/run/secrets/database_url)
say "as $user: $("${contained[@]}" id); writing to /: $("${contained[@]}" sh -c 'touch /here 2>&1; touch /var/lib/parley/here && echo its folder can be written')"
say "$("${contained[@]}" "$entrypoint" version | tr '\n' ' ')"
"${contained[@]}" "$entrypoint" >"$top/parley.log" 2>&1 &
server=$!
for _ in $(seq 100); do
  # shellcheck disable=SC2086 # Several words.
  "${contained[@]}" $health >/dev/null 2>&1 && break
  sleep 0.2
done
# shellcheck disable=SC2086
say "$health: $("${contained[@]}" $health)"
say "the front page: $(curl -s -o /dev/null -w '%{http_code}' "http://$address/")"
cookies=$top/cookies
say "registering: $(curl -s -o /dev/null -w '%{http_code}' -c "$cookies" -d 'username=ana&display_name=Ana&password=a+horse+named+staple' "http://$address/register"); the list: $(curl -s -o /dev/null -w '%{http_code}' -b "$cookies" "http://$address/conversations")"
kill -TERM "$server"
wait "$server" && code=0 || code=$?
server=
say "SIGTERM: exit code $code"
# shellcheck disable=SC2086
say "$health: $("${contained[@]}" $health 2>&1 || true)"
cat "$top/parley.log"
