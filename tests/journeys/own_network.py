"""Run as a program in namespaces of its own: a site's web server on port 80, and then the daemon beside it.

Names lead to it by a hosts file of the test, so that looks from outside are real ones, and nobody else's port 80 is
asked for. Arguments: the folder of the site, the hosts file, and the command.
"""

import ctypes
import fcntl
import functools
import http.server
import os
import signal
import socket
import struct
import subprocess
import sys

_SET_FLAGS, _UP, _DIES_WITH_PARENT = 0x8914, 1, 1


class _Site(http.server.SimpleHTTPRequestHandler):
    """Files as they are; `/show?id=NAME` is what a program answers from its own store beside the site."""

    def translate_path(self, path: str) -> str:
        if path.startswith("/show?id="):
            return os.path.join(self.directory, "../store", path.partition("=")[2])
        return super().translate_path(path)

    def log_message(self, *_: object) -> None:
        pass


def main(site: str, hosts: str, *command: str) -> None:
    with socket.socket() as any_:
        fcntl.ioctl(any_, _SET_FLAGS, struct.pack("16sh", b"lo", _UP))
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 80), functools.partial(_Site, directory=site))
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
        server.serve_forever()
    server.server_close()
    os.execvp(command[0], command)  # noqa: S606 - the daemon, in place of this


if __name__ == "__main__":
    main(*sys.argv[1:])
