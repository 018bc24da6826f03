"""A worker that an outsider's picture captured: it says of every file what it was told to say.

Started as `python liar.py CHANNEL ANSWERS` with the frames that it answers with, each in hexadecimal.
"""

import socket
import sys

from goodhoster.linux import frames

if __name__ == "__main__":
    channel = socket.socket(fileno=int(sys.argv[1]))
    frames.send_value(channel, [])
    while frames.receive_file(channel) is not None:
        for answer in sys.argv[2:]:
            frames.send(channel, bytes.fromhex(answer))
