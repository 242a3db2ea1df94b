#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The two programs of BENCH=latency: one asks by a datagram and waits for the answer, again and
again, the other answers. Each keeps to one CPU.

    latency_talk.py serve ADDRESS asleep|awake CPU
    latency_talk.py ask ADDRESS asleep|awake CPU COUNT

asleep: sleeps until something comes; awake: looks without end. "ask" writes how long each answer
took, as 64-bit numbers of nanoseconds.
"""
import array
import os
import socket
import sys
import time

PORT = 7
LOST_S = 2
WARM_UP = 500  # questions that do not count


def receive(sock):
    """What comes, and from whom; TimeoutError after LOST_S."""
    if sock.gettimeout():
        return sock.recvfrom(64)
    deadline = time.monotonic() + LOST_S
    while True:
        try:
            return sock.recvfrom(64)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError from None


def serve(sock, address):
    sock.bind((address, PORT))
    print("ready", flush=True)
    while True:
        try:
            data, client = receive(sock)
        except TimeoutError:
            continue
        sock.sendto(data, client)


def ask(sock, address, count):
    sock.connect((address, PORT))
    times = array.array("q")
    for _ in range(WARM_UP + count):
        start = time.perf_counter_ns()
        sock.send(b"natgw")
        receive(sock)
        times.append(time.perf_counter_ns() - start)
    sys.stdout.buffer.write(times[WARM_UP:].tobytes())


def main():
    what, address, waiting, cpu, *count = sys.argv[1:]
    os.sched_setaffinity(0, {int(cpu)})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(LOST_S if waiting == "asleep" else 0)
        if what == "serve":
            serve(sock, address)
        else:
            ask(sock, address, int(count[0]))


if __name__ == "__main__":
    main()
