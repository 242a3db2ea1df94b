#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Thousands of connections at once, each with words of its own, and the server that repeats them.

    crowd.py serve ADDRESS PORT
    crowd.py connect ADDRESS PORT COUNT NAME

A word is 24 bytes: NAME, number of the connection, number of the round. The server repeats what it
gets, and when its input ends it says by JSON which names came from which addresses and ports. A
client opens all its connections and has one round on each, says "connected", waits for a line of
input, has another round on each, says by JSON how that went, and ends when its input does.
"""
import collections
import json
import resource
import select
import signal
import socket
import sys

WORD = 24
NAME = 8
AT_ONCE = 200  # connections of a program that are being opened
LIMIT_S = 40


def word(name, number, turn):
    return f"{name:>{NAME}}{number:08d}{turn:08d}".encode()


# ---- the server ----

class Server:
    """Repeats what comes, and keeps who came from where."""

    def __init__(self, address, port):
        self.listener = socket.create_server((address, port), backlog=4096)
        self.listener.setblocking(False)
        self.poll = select.epoll()
        self.poll.register(self.listener, select.EPOLLIN)
        self.poll.register(sys.stdin, select.EPOLLIN | select.EPOLLHUP)
        self.open = {}
        self.seen = collections.defaultdict(list)

    def run(self):
        print("ready", flush=True)
        while True:
            for number, _events in self.poll.poll():
                if number == sys.stdin.fileno():
                    return
                if number == self.listener.fileno():
                    self.accept()
                else:
                    self.repeat(number)

    def accept(self):
        while True:
            try:
                sock, peer = self.listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            self.open[sock.fileno()] = (sock, peer)
            self.poll.register(sock, select.EPOLLIN)

    def repeat(self, number):
        sock, peer = self.open[number]
        try:
            data = sock.recv(4096)
            sock.sendall(data)
        except OSError as error:
            self.seen[f"error {error.strerror}"].append(peer)
            data = b""
        if not data:
            self.poll.unregister(number)
            del self.open[number]
            sock.close()
        elif int(data[-8:]) == 0:
            self.seen[data[:NAME].decode().strip()].append(peer)


def serve(address, port):
    server = Server(address, int(port))
    server.run()
    print(json.dumps(server.seen), flush=True)


# ---- a client ----

class Client:
    """Its connections, and how they fare."""

    def __init__(self, address, count, name):
        self.address, self.count, self.name = address, count, name
        self.poll = select.epoll()
        self.sockets = {}  # by file number: (socket, number of the connection)
        self.waiting = {}  # by file number: what must still come
        self.begun = 0
        self.result = {"connected": 0, "repeated": [0, 0], "wrong": 0, "failed": {}}

    def begin(self):
        sock = socket.socket()
        sock.setblocking(False)
        self.sockets[sock.fileno()] = (sock, self.begun)
        self.begun += 1
        sock.connect_ex(self.address)
        self.poll.register(sock, select.EPOLLOUT)

    def fail(self, number, what):
        self.result["failed"][what] = self.result["failed"].get(what, 0) + 1
        self.poll.unregister(number)
        self.waiting.pop(number, None)
        self.sockets.pop(number)[0].close()

    def say(self, number, turn):
        sock, connection = self.sockets[number]
        self.waiting[number] = word(self.name, connection, turn)
        sock.sendall(self.waiting[number])

    def connected(self, number):
        error = self.sockets[number][0].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            return self.fail(number, f"connect: {error}")
        self.result["connected"] += 1
        self.poll.modify(number, select.EPOLLIN)
        return self.say(number, 0)

    def heard(self, number, turn):
        try:
            data = self.sockets[number][0].recv(4096)
        except OSError as error:
            return self.fail(number, f"recv: {error.strerror}")
        if not data:
            return self.fail(number, "closed")
        wanted = self.waiting.get(number, b"")
        if not wanted.startswith(data):
            self.result["wrong"] += 1
            return self.fail(number, "wrong")
        if wanted == data:
            del self.waiting[number]
            self.result["repeated"][turn] += 1
        else:
            self.waiting[number] = wanted[len(data):]
        return None

    def open_all(self):
        opening = set()
        while self.begun < self.count or opening:
            while self.begun < self.count and len(opening) < AT_ONCE:
                self.begin()
                opening.add(next(reversed(self.sockets)))
            for number, events in self.poll.poll():
                if number in self.waiting or events & select.EPOLLIN:
                    self.heard(number, 0)
                else:
                    self.connected(number)
                if number not in self.waiting:
                    opening.discard(number)

    def once_more(self):
        for number in list(self.sockets):
            self.say(number, 1)
        while self.waiting:
            for number, _events in self.poll.poll():
                self.heard(number, 1)


def connect(address, port, count, name):
    client = Client((address, int(port)), int(count), name)
    try:
        client.open_all()
        print("connected", flush=True)
        sys.stdin.readline()
        client.once_more()
    except TimeoutError:
        client.result["failed"][f"not done in {LIMIT_S} s"] = len(client.waiting)
    print(json.dumps(client.result), flush=True)
    sys.stdin.readline()


def on_alarm(_number, _frame):
    raise TimeoutError


def main():
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(LIMIT_S)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    {"serve": serve, "connect": connect}[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
