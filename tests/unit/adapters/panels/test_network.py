"""The recipe of the manual blocks a network with real nftables and undoes it exactly; and only small ones of ours."""

import ipaddress
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from goodhoster.adapters.panels.network import NetworkBlock
from goodhoster.errors import PermanentError, RefusedError
from goodhoster.linux.programs import Ended, run_here
from goodhoster.model.customers.panels import SuspensionTarget

MANUAL = Path(__file__).parents[4] / "docs/how-to-panels.md"
OWN = (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32"))


def _block(*program: str) -> NetworkBlock:
    return NetworkBlock((*program, "block"), (*program, "unblock"), (*program, "state"), OWN)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    found = re.search(r"```sh\n(#!/bin/sh\n# goodhoster-block.*?)```", MANUAL.read_text(), re.DOTALL)
    assert found
    file = tmp_path / "goodhoster-block"
    file.write_text(found[1])
    file.chmod(0o755)
    return file


TRIAL = """
set -eu
ip link set lo up
for side in customer:192.0.2.7/24:192.0.2.1/24 world:198.51.100.9/24:198.51.100.1/24; do
  name=${side%%:*}; rest=${side#*:}; theirs=${rest%%:*}; ours=${rest##*:}
  ip link add "to-$name" type veth peer name eth0
  unshare -n sleep 600 & held=$!
  until [ "$(readlink /proc/$held/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.1; done
  ip link set eth0 netns $held
  ip addr add $ours dev "to-$name"; ip link set "to-$name" up
  nsenter -t $held -n sh -c "ip addr add $theirs dev eth0; ip link set eth0 up; ip route add default via ${ours%/*}"
  eval "$name=$held"
done
echo 1 > /proc/sys/net/ipv4/ip_forward
nsenter -t $customer -n "$2" -m http.server --bind 192.0.2.7 8080 > /dev/null 2>&1 & server=$!
for _ in $(seq 100); do
  nsenter -t $customer -n "$2" -c 'import socket
socket.create_connection(("192.0.2.7", 8080), 1)' 2> /dev/null && break
  sleep 0.2
done
reach() { nsenter -t $world -n "$2" -c 'import socket
socket.create_connection(("192.0.2.7", 8080), 1)' 2> /dev/null && echo reached || echo cut; }
state() { "$1" state 192.0.2.7/32 && echo blocked || echo free; }
reach "$@"; state "$1"
before=$(nft list ruleset)
"$1" block 192.0.2.7/32; "$1" block 192.0.2.7/32; reach "$@"; state "$1"
for other in 2001:db8:1::/64 2001:db8:2::1/128 192.0.2.128/28; do
  "$1" block $other; "$1" state $other && echo blocked; "$1" unblock $other; "$1" state $other || echo free
done
"$1" unblock 192.0.2.7/32; "$1" unblock 192.0.2.7/32; reach "$@"; state "$1"
[ "$(nft list ruleset)" = "$before" ] && echo exact || { echo "$before"; nft list ruleset; } >&2
kill $server $customer $world
"""


@pytest.mark.debian("nftables", program="nft")
def test_the_recipe_cuts_a_customer_off_and_lets_it_back(recipe: Path) -> None:
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        pytest.skip("network namespaces need root")
    argv = ["unshare", "-n", "--mount", "sh", "-c", TRIAL, "trial", str(recipe), sys.executable]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=170, check=False)
    assert done.stdout.split() == [
        *("reached", "free"),
        *("cut", "blocked"),
        *(("blocked", "free") * 3),
        *("reached", "free", "exact"),
    ], done.stderr


def test_blocks_reads_back_and_unblocks() -> None:
    blocked: set[str] = set()

    def run(argv: Sequence[str], _given: bytes = b"") -> Ended:
        _, verb, network = argv
        if verb == "state":
            return Ended(0 if network in blocked else 1, b"", b"")
        {"block": blocked.add, "unblock": blocked.discard}[verb](network)
        return Ended(0, b"", b"")

    block = NetworkBlock(("hook", "block"), ("hook", "unblock"), ("hook", "state"), OWN, run)
    target = SuspensionTarget("192.0.2.7/32")
    assert block.account("192.0.2.7/32").suspended is False
    block.suspend(target, "made up")
    assert block.account("192.0.2.7/32").suspended is True
    block.unsuspend(target)
    assert blocked == set()


@pytest.mark.parametrize(
    "network", ["198.51.100.1/32", "192.0.0.0/16", "0.0.0.0/0", "::/0", "192.0.2.7/24", "x", "-F", ""]
)
def test_others_networks_and_large_ones_are_refused(network: str) -> None:
    with pytest.raises(RefusedError):
        _block("false").suspend(SuspensionTarget(network), "made up")


def test_a_program_that_fails_tells_no_state(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="ended with 2"):
        _block("sh", "-c", "exit 2").account("192.0.2.7/32")


def test_a_missing_program_is_told() -> None:
    with pytest.raises(Exception, match="cannot be run"):
        _block("/no/such/program").account("192.0.2.7/32")


def test_programs_are_bounded() -> None:
    with pytest.raises(OSError, match="more than"):
        run_here(["sh", "-c", "yes | head -c 70000000"])
