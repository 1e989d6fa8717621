"""On the path of a peer's processes: no connection and no name look-up leaves this machine."""

from __future__ import annotations

import sys

_LOCAL = ("127.0.0.1", "::1", "localhost", None)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if (host.decode() if isinstance(host, bytes) else host) not in _LOCAL:
        raise OSError(f"a benchmark's peer connects to this machine alone, not to {host!r}")


sys.addaudithook(_refuse)
