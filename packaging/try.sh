#!/bin/sh
# Try the Debian packages on a system of their own, booted with systemd-nspawn: sh packaging/try.sh ROOT PACKAGE.deb…
# ROOT is made with debootstrap where it is missing (RELEASE=…, default bookworm; MIRROR=…). Needs root, debootstrap and
# systemd-container. Ends with 0 when: the demo and the README's steps to a first match work, every unit starts, does its
# work and ends, a known file goes offline and comes back, twenty reloads work, a daemon that stopped answering is started
# again, the Ansible role changes nothing at its second run, and a purge keeps the audit log.
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

first_steps() {
    inside sh -ec '
        cd /root
        begun=$(date +%s)
        apt-get install -y ./new/*.deb >/dev/null
        mkdir -p /srv/customers/alice/www
        printf "a harmless picture" >/srv/customers/alice/www/holiday.gif
        # As docs/how-to-first-day.md has them.
        sha256sum /srv/customers/alice/www/holiday.gif >own.txt
        goodhoster setup --yes --list own.txt
        systemctl enable --now goodhoster
        for _ in $(seq 60); do
            if goodhoster cases list | grep "holiday.gif.*would be taken offline"; then break; fi
            sleep 1
        done
        goodhoster cases list --state observed --json | grep -q holiday.gif
        test -e /srv/customers/alice/www/holiday.gif
        echo "from the package to the first match: $(($(date +%s) - begun)) s"
        goodhoster doctor || test $? = 1
        systemctl disable --now goodhoster
        goodhoster hashlist remove own
        rm -r /srv/customers/alice
    '
    say "the first steps lead to a file that would be taken offline"
    inside goodhoster demo
    say "the demo works from the package"
}

services() {
    inside sh -ec '
        systemd-analyze verify --man=no /usr/lib/systemd/system/goodhoster*.service >verify 2>&1
        if [ -s verify ]; then cat verify; exit 1; fi
        for unit in goodhoster goodhoster-doors goodhoster-people goodhoster-hashservice; do
            systemd-analyze security "$unit" --no-pager | tail -n 1
        done
        printf "[[clamd_door]]\nsocket = \"/run/goodhoster-doors/clamd.sock\"\ncustomer = \"shop\"\n" \
            >>/etc/goodhoster/goodhoster.toml
        printf "[roles]\nsee = [\"auditors\"]\n" >>/etc/goodhoster/goodhoster.toml
        groupadd -f auditors
        id alice >/dev/null 2>&1 || useradd -m -G auditors alice
        goodhoster config check
        goodhoster hashservice client remove shop >/dev/null 2>&1 || :
        goodhoster hashservice client add shop | tail -n 1 >/root/shop.password
        systemctl restart goodhoster
        systemctl enable --now goodhoster-doors goodhoster-people goodhoster-hashservice
    '
    inside python3 - <<'PYTHON'
# A question at the door and at the hash service, each about something known and something that is not.
import base64, hashlib, http.client, socket, struct, time

known, other = b"made-up known content", b"made-up other content"

def door(content):
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect("/run/goodhoster-doors/clamd.sock")
        asked.sendall(b"zINSTREAM\0" + struct.pack(">I", len(content)) + content + struct.pack(">I", 0))
        return asked.recv(1000)

def hash_service(content):
    password = open("/root/shop.password").read().strip()
    account = base64.b64encode(f"shop:{password}".encode()).decode()
    asked = http.client.HTTPConnection("127.0.0.1", 8460, timeout=10)
    asked.request("POST", "/v1/check/sha1", hashlib.sha1(content).hexdigest(), {"Authorization": f"Basic {account}"})
    return asked.getresponse().read()

def patiently(ask, content):
    for _ in range(30):
        try:
            return ask(content)
        except OSError:
            time.sleep(1)
    return ask(content)

assert b"FOUND" in (said := patiently(door, known)), said
assert b"OK" in (said := door(other)), said
assert (said := patiently(hash_service, known)) == b"true", said
assert (said := hash_service(other)) == b"false", said
PYTHON
    inside runuser -u alice -- sh -ec 'cd && goodhoster cases list && ! goodhoster cases restore --all --reason no'
    inside sh -ec '
        units="goodhoster goodhoster-doors goodhoster-people goodhoster-hashservice"
        for unit in $units; do
            systemctl is-active -q "$unit" || { echo "$unit does not run"; exit 1; }
            systemctl show "$unit" -p NRestarts | grep -qx NRestarts=0
        done
        systemctl stop $units
        for unit in $units; do systemctl show "$unit" -p Result | grep -qx Result=success; done
        if journalctl -u "goodhoster*" -p err -o cat | grep -i "not permitted"; then exit 1; fi
        systemctl start $units
    '
    say "every unit starts, does its work behind its sandbox, and ends"
}

ansible() {
    rm -rf -- "$root/root/ansible"
    cp -r -- "$(dirname -- "$0")/ansible" "$root/root/ansible"
    printf '[goodhoster]\nlocalhost ansible_connection=local\n' >"$root/root/ansible/inventory"
    {
        printf 'goodhoster_packages:\n'
        for file in "$root"/root/new/*.deb; do printf '  - "/root/new/%s"\n' "${file##*/}"; done
        printf 'goodhoster_mode: enforce\ngoodhoster_secrets: {example.secret: a made-up secret}\n'
    } >"$root/root/ansible/vars.yml"
    inside sh -ec '
        apt-get install -y --no-install-recommends ansible-core >/dev/null
        cd /root/ansible
        play() { ANSIBLE_NOCOLOR=1 ansible-playbook -i inventory -e @vars.yml "$@" site.yml; }
        play >first || { cat first; exit 1; }
        play >second || { cat second; exit 1; }
        tail -n 2 second
        grep -q "changed=0 .*failed=0" second || { cat second; exit 1; }
        systemctl is-active goodhoster
        stat -c %a /etc/goodhoster/example.secret | grep -qx 600
        goodhoster config check
        cp /etc/goodhoster/goodhoster.toml before
        if play -e goodhoster_mode=enforced >wrong; then exit 1; fi
        grep -q enforced wrong
        cmp before /etc/goodhoster/goodhoster.toml
        systemctl is-active goodhoster
        play -e goodhoster_mode=observe >third || { cat third; exit 1; }
        for _ in $(seq 30); do
            if goodhoster status | grep "^mode *observe"; then break; fi
            sleep 1
        done
        goodhoster status | grep -q "^mode *observe"
    '
    say "the Ansible role: nothing changed at its second run; a wrong configuration never became the configuration"
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
    first_steps
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
services
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
ansible
inside sh -ec '
    goodhoster audit verify
    apt-get purge -y goodhoster >/dev/null
    test -e /var/lib/goodhoster/audit.log
    test ! -e /etc/goodhoster
    test ! -e /usr/lib/goodhoster
    # No unit runs on, and no link leads to one that is gone.
    systemctl list-units --all --no-legend "goodhoster*.service" --state=active,failed | grep . && exit 1
    find /etc/systemd -xtype l -name "goodhoster*" | grep . && exit 1
    test -e /var/lib/goodhoster/record.sqlite
'
say "purged; the audit log is kept"
