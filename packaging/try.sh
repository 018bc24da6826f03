#!/bin/sh
# Try the Debian packages on a system of their own, booted with systemd-nspawn: sh packaging/try.sh ROOT PACKAGE.deb…
# ROOT is made with debootstrap where it is missing (RELEASE=…, default bookworm; MIRROR=…). Needs root, debootstrap and
# systemd-container. Ends with 0 when: the service starts, a known file goes offline and comes back, twenty reloads
# work, a daemon that stopped answering is started again, and a purge keeps the audit log.
set -eu

root=$(readlink -m -- "$1")
shift
inside() { nsenter -t "$(cat "$root.pid")" -m -u -i -p -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"; }
say() { printf 'try: %s\n' "$*"; }

if [ ! -d "$root" ]; then
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,python3,procps \
        "${RELEASE:-bookworm}" "$root" ${MIRROR:+"$MIRROR"} >/dev/null
fi
cp -- "$@" "$root/root/"

# What a container must permit: openat2 and fanotify, which nspawn forbids by default.
calls="openat2 renameat2 landlock_create_ruleset landlock_add_rule landlock_restrict_self fanotify_init fanotify_mark"
calls="$calls open_by_handle_at name_to_handle_at @system-service @privileged"
unshare -m sh -c "mount -t tmpfs tmpfs /run && exec systemd-nspawn -q -D '$root' -b --register=no --keep-unit \
    --console=pipe --capability=all --system-call-filter='$calls'" >"$root.log" 2>&1 &
trap 'inside systemctl poweroff >/dev/null 2>&1 || :; wait' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    sleep 2
    for init in $(pgrep -f '^/usr/lib/systemd/systemd$|^/lib/systemd/systemd$|^/sbin/init$'); do
        if [ "$(readlink "/proc/$init/root")" != / ]; then echo "$init" >"$root.pid"; fi
    done
    if [ -s "$root.pid" ] && inside systemctl is-system-running 2>/dev/null | grep -q running; then break; fi
done

inside sh -ec '
    cd /root && apt-get install -y ./*.deb >/dev/null
    mkdir -p /srv/customers/anna
    printf "[[watch]]\npath = \"/srv/customers\"\n[[hash_source]]\nkind = \"list\"\n[policy]\nmode = \"enforce\"\n" \
        >/etc/goodhoster/goodhoster.toml
    printf "made-up known content" >known
    sha1sum known | cut -d" " -f1 >list
    goodhoster hashlist import list --source made-up --category baseline
    systemctl start goodhoster
    cp known /srv/customers/anna/a.jpg
    sleep 5
    test ! -e /srv/customers/anna/a.jpg
    goodhoster cases restore --all --reason "the package is tried"
    cmp known /srv/customers/anna/a.jpg
'
say "taken offline, and put back as it was"
inside sh -ec 'for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do systemctl reload goodhoster; done; systemctl is-active goodhoster'
say "reloaded twenty times"
inside sh -ec 'kill -STOP "$(systemctl show goodhoster -p MainPID --value)"; sleep 80; systemctl show goodhoster -p NRestarts | grep -x NRestarts=1; systemctl is-active goodhoster'
say "started again by the watchdog"
inside sh -ec 'goodhoster audit verify; apt-get purge -y goodhoster >/dev/null; test -e /var/lib/goodhoster/audit.log; test ! -e /etc/goodhoster; test ! -e /usr/lib/goodhoster'
say "purged; the audit log is kept"
