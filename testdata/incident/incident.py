"""The programs of incident.sh: one of store, web and backup, in a folder.

Each step waits for the one before it, so that the same happens every time:
two clients have REQUESTS each answered, and after half of them the backup
freezes the pool for as long as it takes to copy.
"""

import fcntl
import os
import socket
import sys
import time

REQUESTS, CLIENTS, COPYING = 400, 2, 0.7
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878  # include/uapi/linux/fs.h


def connect(path):
    """A connection to the socket, as soon as somebody listens there."""
    while True:
        try:
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(path)
            return peer
        except OSError:
            peer.close()
            time.sleep(0.01)


def store(folder):
    """Answers a request once it is on the disk."""
    log = os.open(folder + "/disk/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(folder + "/store.socket")
    listener.listen()
    clients = [listener.accept()[0] for _ in range(CLIENTS)]
    for i in range(REQUESTS):
        if i == REQUESTS // 2:
            connect(folder + "/backup.socket").close()
        for client in clients:
            record = client.recv(256)
            os.write(log, record)
            os.fsync(log)
            client.send(b"done")


def web(folder):
    """Asks, waits for the answer, and works on it for a while."""
    server = connect(folder + "/store.socket")
    for i in range(REQUESTS):
        server.send(b"order %6d " % i * 16)
        server.recv(4)
        time.sleep(0.001)


def backup(folder):
    """When its time has come, freezes the pool to copy it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(folder + "/backup.socket")
    listener.listen()
    listener.accept()
    pool = os.open(folder + "/pool", os.O_RDONLY)
    fcntl.ioctl(pool, FIFREEZE, 0)
    try:
        time.sleep(COPYING)
    finally:
        fcntl.ioctl(pool, FITHAW, 0)


{"store": store, "web": web, "backup": backup}[sys.argv[1]](sys.argv[2])
