#!/bin/sh
# Try the Debian packages on a system of their own, booted with systemd-nspawn: sh packaging/try.sh ROOT PACKAGE.deb…
# ROOT is made with debootstrap where it is missing (RELEASE=…, default bookworm; MIRROR=…). Needs root, debootstrap and
# systemd-container. Ends with 0 when: the service starts, a known file goes offline and comes back, twenty reloads
# work, a daemon that stopped answering is started again, and a purge keeps the audit log.
# PREVIOUS=OLDER.deb: that version comes first and makes CASES (default 10,000); then it is upgraded under its running
# daemon, and a downgrade is tried, which must be refused.
set -eu

root=$(readlink -m -- "$1")
shift
log=$root.log
init=

say() { printf 'try: %s\n' "$*"; }

inside() { # a command in the booted system
    timeout "${LIMIT:-900}" nsenter -t "$init" -m -u -i -p -- \
        /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        CASES="${CASES:-10000}" "$@"
}

give_up() {
    say "$*; what the system said is in $log"
    exit 1
}

make_root() {
    if [ -d "$root" ]; then return 0; fi
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,python3,procps \
        "${RELEASE:-bookworm}" "$root" ${MIRROR:+"$MIRROR"} >"$log" 2>&1 || give_up "debootstrap failed"
}

boot() {
    # What a container must permit: openat2 and fanotify, which nspawn forbids by default.
    calls="openat2 renameat2 landlock_create_ruleset landlock_add_rule landlock_restrict_self fanotify_init"
    calls="$calls fanotify_mark open_by_handle_at name_to_handle_at @system-service @privileged"
    # A /run of its own, which nspawn wants to share; exec, so that $! is nspawn and init is its child.
    unshare -m sh -c 'mount -t tmpfs tmpfs /run && exec systemd-nspawn -q -D "$1" -b --register=no --keep-unit \
        --console=pipe --capability=all --system-call-filter="$2"' boot "$root" "$calls" >"$log" 2>&1 </dev/null &
    nspawn=$!
    trap shut_down EXIT
    for _ in $(seq 60); do
        sleep 2
        kill -0 "$nspawn" 2>/dev/null || give_up "the system did not boot"
        init=$(pgrep -P "$nspawn" -x systemd || :)
        [ -n "$init" ] || continue
        case $(LIMIT=10 inside systemctl is-system-running 2>/dev/null || :) in running | degraded) return 0 ;; esac
    done
    give_up "the system did not finish booting"
}

shut_down() {
    kill -s RTMIN+4 "$init" 2>/dev/null || :
    for _ in $(seq 60); do
        kill -0 "$nspawn" 2>/dev/null || return 0
        sleep 1
    done
    kill -KILL "$init" "$nspawn" 2>/dev/null || :
}

install_previous() {
    inside sh -ec 'cd /root && apt-get install -y ./previous/*.deb >/dev/null && dpkg-query -W goodhoster'
    inside python3 - <<'PYTHON'
# As many known files as cases are wanted. Beyond the first measures of an hour they are held.
import hashlib, os, pathlib
tree = pathlib.Path("/srv/customers/berta")
tree.mkdir(parents=True)
contents = [f"made-up known content {n}".encode() for n in range(int(os.environ["CASES"]))]
for n, content in enumerate(contents):
    (tree / f"{n}.jpg").write_bytes(content)
pathlib.Path("/root/list").write_text("".join(f"{hashlib.sha1(each).hexdigest()}\n" for each in contents))
PYTHON
    configure
    inside sh -ec '
        cd /root && goodhoster hashlist import list --source made-up --category baseline
        systemctl start goodhoster
        for _ in $(seq 300); do
            count=$(goodhoster cases list --json | wc -l)
            if [ "$count" -ge "$CASES" ]; then break; fi
            sleep 2
        done
        test "$count" -ge "$CASES"
        sleep 5
        goodhoster cases list --json | sort >cases.before
    '
    say "the version before has $(wc -l <"$root/root/cases.before") cases"
}

# What must be the same in each case, whatever later versions add to it.
kept='import json, sys
for line in sys.stdin:
    case = json.loads(line)
    print(*(case[key] for key in ("id", "state", "customer", "path", "verdict", "opened_at", "closed_at")), sep="\t")'

upgrade() {
    inside sh -ec '
        before=$(systemctl show goodhoster -p MainPID --value)
        cd /root && apt-get install -y ./new/*.deb >/dev/null
        dpkg-query -W goodhoster
        for _ in $(seq 60); do if systemctl is-active -q goodhoster; then break; fi; sleep 1; done
        systemctl is-active goodhoster
        test "$before" != "$(systemctl show goodhoster -p MainPID --value)"
        systemctl show goodhoster -p NRestarts | grep -x NRestarts=0
        goodhoster cases list --json | sort >cases.after
        goodhoster audit verify
    '
    python3 -c "$kept" <"$root/root/cases.before" | sort >"$root/root/kept.before"
    python3 -c "$kept" <"$root/root/cases.after" | sort >"$root/root/kept.after"
    cmp "$root/root/kept.before" "$root/root/kept.after"
    inside sh -ec '
        ls /var/lib/goodhoster
        offline=$(sed -n "s/^\([^\t]*\)\toffline\t[^\t]*\t\([^\t]*\)\t.*/\1 \2/p" /root/kept.after | head -n 1)
        test ! -e "${offline#* }"
        goodhoster cases restore "${offline% *}" --reason "the upgrade is tried"
        test -s "${offline#* }"
    '
    say "upgraded under the running daemon; the cases are the same; one was put back"
}

refuse_downgrade() {
    inside sh -ec '
        cd /root && mkdir -p downgrade
        new=$(dpkg-query -Wf "\${Version}" goodhoster)
        if apt-get install -y --allow-downgrades ./previous/*.deb >downgrade/said 2>&1; then exit 1; fi
        grep "is older and may refuse" downgrade/said
        systemctl is-active goodhoster
        apt-get install -y ./new/*.deb >/dev/null 2>&1 || :
        test "$(dpkg-query -Wf "\${Version}" goodhoster)" = "$new"
    '
    say "a downgrade is refused; the service goes on"
    inside sh -ec '
        cd /root && systemctl stop goodhoster
        sums() { (cd /var/lib/goodhoster && sha256sum audit.log ./*.sqlite); }
        sums >downgrade/before
        GOODHOSTER_DOWNGRADE=yes apt-get install -y --allow-downgrades ./previous/*.deb >/dev/null
        systemctl start goodhoster >downgrade/started 2>&1 && exit 1
        journalctl -u goodhoster -o cat | grep "was written by a newer goodhoster"
        sums | diff downgrade/before -
        systemctl stop goodhoster
        apt-get install -y ./new/*.deb >/dev/null
        systemctl reset-failed goodhoster && systemctl start goodhoster
        systemctl is-active goodhoster
        goodhoster cases list --json | wc -l | grep -x "$(wc -l <cases.after)"
    '
    say "the older program, where it is forced, refuses the newer databases and changes nothing"
    inside systemctl stop goodhoster
}

configure() {
    inside sh -ec '
        printf "[[watch]]\npath = \"/srv/customers\"\n[[hash_source]]\nkind = \"list\"\n[policy]\nmode = \"enforce\"\n" \
            >/etc/goodhoster/goodhoster.toml
    '
}

make_root
rm -rf -- "$root/root/new" "$root/root/previous"
mkdir -p "$root/root/new" "$root/root/previous"
cp -- "$@" "$root/root/new/"
if [ -n "${PREVIOUS:-}" ]; then cp -- "$PREVIOUS" "$root/root/previous/"; fi
boot
say "booted"
inside apt-get update -qq

if [ -n "${PREVIOUS:-}" ]; then
    install_previous
    upgrade
    refuse_downgrade
else
    inside sh -ec 'cd /root && apt-get install -y ./new/*.deb >/dev/null'
    configure
fi

inside sh -ec '
    cd /root
    mkdir -p /srv/customers/anna
    printf "made-up known content" >known
    sha1sum known | cut -d" " -f1 >list
    goodhoster hashlist import list --source tried --category baseline
    systemctl start goodhoster
    cp known /srv/customers/anna/a.jpg
    for _ in $(seq 30); do if [ -e /srv/customers/anna/a.jpg ]; then sleep 1; fi; done
    test ! -e /srv/customers/anna/a.jpg
    goodhoster cases restore --all --customer anna --reason "the package is tried"
    cmp known /srv/customers/anna/a.jpg
'
say "taken offline, and put back as it was"
inside sh -ec 'for _ in $(seq 20); do systemctl reload goodhoster; done; systemctl is-active goodhoster'
say "reloaded twenty times"
inside sh -ec '
    restarts() { systemctl show goodhoster -p NRestarts --value; }
    before=$(restarts)
    kill -STOP "$(systemctl show goodhoster -p MainPID --value)"
    # WatchdogSec, then as long again in which it may end by itself before it is killed.
    for _ in $(seq 240); do if [ "$(restarts)" -gt "$before" ]; then break; fi; sleep 1; done
    for _ in $(seq 60); do if systemctl is-active -q goodhoster; then break; fi; sleep 1; done
    test "$(restarts)" = "$((before + 1))"
    systemctl is-active goodhoster
'
say "started again by the watchdog"
inside sh -ec '
    goodhoster audit verify
    apt-get purge -y goodhoster >/dev/null
    test -e /var/lib/goodhoster/audit.log
    test ! -e /etc/goodhoster
    test ! -e /usr/lib/goodhoster
'
say "purged; the audit log is kept"
