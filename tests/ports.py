"""TCP ports for servers that tests start: nobody else has them for as long as this process lives.

A port that the kernel chose, looked at and given back, may be anybody's a moment later: of another worker's server, or
the near end of any connection. These lie below those that Linux hands out (ip_local_port_range), and a socket without
a file (abstract, unix(7)) tells other workers that one is taken; it goes with the process.
"""

import os
import socket

_PORTS = range(20_000, 22_500)
"""The object store takes the port 10,000 above as well: below 32,768, too."""
_TAKEN: list[socket.socket] = []


def free_port(among: range = _PORTS) -> int:
    """A port on 127.0.0.1 that nobody listens on, and that no other test is given."""
    begin = os.getpid() * 97
    for number in range(len(among)):
        port = among[(begin + number) % len(among)]
        if _take(port):
            return port
    raise AssertionError("no port is free")


def _take(port: int) -> bool:
    sign = socket.socket(socket.AF_UNIX)
    try:
        sign.bind(f"\0goodhoster-test-port-{port}")
        for used in (port, port + 10_000):
            socket.create_server(("127.0.0.1", used)).close()
    except OSError:
        sign.close()
        return False
    _TAKEN.append(sign)
    return True
