"""What would go wrong on this machine, said in one line before anything is started."""

from __future__ import annotations

import errno
import http.client
import shutil
import socket
import sys
from pathlib import Path
from typing import Final

import redis

from labeling.runtime import RuntimeFault

MIN_FREE_BYTES: Final = 200 * 2**20
OLDEST_PYTHON: Final = (3, 11)
PROBE_TIMEOUT_S: Final = 10.0


def check_python(version: tuple[int, ...] | None = None) -> None:
    """Raise RuntimeFault if this Python (or the given version) is too old."""
    found = tuple(sys.version_info[:2]) if version is None else version
    if found < OLDEST_PYTHON:
        raise RuntimeFault(
            f"Burnish needs Python 3.11 or newer; this is {'.'.join(map(str, found))} ({sys.executable})."
        )


def check_disk(folder: Path) -> None:
    """Raise RuntimeFault if the folder cannot be made or its disk has less than 200 MB left."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise RuntimeFault(f"Cannot write to {folder}: {error.strerror}.") from error
    if free < MIN_FREE_BYTES:
        raise RuntimeFault(
            f"The disk of {folder} is full ({free // 2**20} MB left, {MIN_FREE_BYTES // 2**20} MB needed): "
            "free some space, or set BURNISH_VAR to a folder on another disk."
        )


def check_port(host: str, port: int) -> None:
    """Raise RuntimeFault if the web server could not listen there."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise RuntimeFault(_explain_port(host, port, error)) from error


def _explain_port(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use on {host}: stop what listens there, or set PORT to another number."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"Port {port} needs more rights than you have: set PORT to a number above 1023."
    return f"Cannot listen on {host}, port {port}: {error.strerror}; set HOST to an address of this machine."


def check_redis(url: str) -> None:
    """Raise RuntimeFault if the Redis that somebody else runs does not answer."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        raise RuntimeFault(
            f"No Redis answers at REDIS_URL ({error}): start it, or unset REDIS_URL to run one of our own."
        ) from error


def answers_ping(path: Path) -> bool:
    """Return whether a Redis answers on the Unix socket."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(PROBE_TIMEOUT_S)
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def answers_http(host: str, port: int, *, host_name: str) -> bool:
    """Return whether the web server answers, whatever it answers; `host_name` is what it believes to be called.

    The first request also makes it import what it needs, so that the first person need not wait for that.
    """
    connection = http.client.HTTPConnection(reachable(host), port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/signin/", headers={"Host": f"{host_name}:{port}"})
        return connection.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def reachable(host: str) -> str:
    """Return an address under which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
