"""Starts a command that may read and compute, nothing else: `python -I -S sandbox.py REPORT_FD HIDDEN -- COMMAND...`

Belongs here: what the kernel is asked to deny, and the report of what it granted. Talking to the command is
in `scorer_child`. Only the standard library is imported: this runs as a script, outside the package. Each
protection is tried on its own; a system that lacks one goes without it, and the report says so.
Reading files is not denied, but for those below the folder HIDDEN (empty: none), the vault's: over it lies an empty
one where the system has namespaces. Elsewhere the vault's file can be read by its path by whatever the user runs.

The report on REPORT_FD is lines of text: `held A, B, C` before the command starts, `cannot start: REASON`
where it does not, `ended N` when it did (its exit code, or minus the signal that killed it).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Callable

MEMORY_BYTES = 8 << 30  # address space, not use: BLAS and ONNX reserve far more than they touch

_NAMESPACES = "net+pid+ipc+mount namespaces"

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWUSER = 0x00020000, 0x08000000, 0x10000000
_CLONE_NEWPID, _CLONE_NEWNET = 0x20000000, 0x40000000
_MOUNT_SETATTR, _LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 442, 444, 445, 446
_IO_URING_SETUP = 425
_AT_FDCWD, _AT_RECURSIVE, _RDONLY, _PRIVATE = -100, 0x8000, 1, 1 << 18
_MOUNTED_READ_ONLY = 0b1111  # no set-user-id, no devices, no programs
_WRITE_FILE = 1 << 1
_FS_WRITES = 0b1111111110010  # by Landlock's first version: all rights but execute and the two of reading
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_TCP, _SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals
# Audit number of the architecture and its number for socket(2), from the kernel's headers.
_SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}

_libc = ctypes.CDLL(None, use_errno=True)


class Denied(Exception):
    """The system does not grant this protection."""


def main(arguments: list[str]) -> int:
    """Confine this process, then run the command below it and relay how it ended."""
    report = int(arguments[0])
    hidden, command = arguments[1], arguments[3:]
    os.set_inheritable(report, False)
    held = confine(hidden)
    os.write(report, f"held {', '.join(held)}\n".encode())
    first = os.fork()
    if first == 0:
        _run_first(command, report)
    os.waitpid(first, 0)
    return 0


def confine(hidden: str = "") -> list[str]:
    """Give up, for this process and all it starts, what the system lets us give up; name what held.

    `hidden`: a folder that is to be empty for them.
    """
    _die_with_parent()
    held = ["process group"] if os.getpgrp() == os.getpid() else []
    for name, step in PROTECTIONS.items():
        if step is _mount_read_only and _NAMESPACES not in held:
            continue  # it would hit the mounts of the whole system
        with contextlib.suppress(Denied, OSError, ValueError):
            step()
            held.append(name)
            if step is _mount_read_only and hidden:
                # Only now: before it, mounts may be shared with those of the whole system.
                _hide(hidden)
                held.append("vault out of sight")
    return held


def _run_first(command: list[str], report: int) -> None:
    """The first process of the pid namespace: when it ends, the kernel kills whatever is left in there."""
    _die_with_parent()
    started = os.fork()
    if started == 0:
        _die_with_parent()
        try:
            os.execvp(command[0], command)  # noqa: S606  no shell is the point
        except OSError as error:
            os.write(report, f"cannot start: {error.strerror}\n".encode())
        os._exit(127)
    ended, status = os.wait()
    while ended != started:  # orphans of the command
        ended, status = os.wait()
    os.write(report, f"ended {os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _die_with_parent() -> None:
    with contextlib.suppress(Denied):
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit() -> None:
    for limit, most in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, MEMORY_BYTES),
    ):
        hard = resource.getrlimit(limit)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (bound, bound))


def _unshare() -> None:
    apart = _CLONE_NEWNET | _CLONE_NEWPID | _CLONE_NEWIPC | _CLONE_NEWNS
    try:
        # A user namespace also keeps the command from reading the memory and descriptors of its parents.
        _call(_libc.unshare, _CLONE_NEWUSER | apart)
    except Denied:
        _call(_libc.unshare, apart)


def _mount_read_only() -> None:
    attributes = struct.pack("=4Q", _RDONLY, 0, _PRIVATE, 0)
    _syscall(_MOUNT_SETATTR, _AT_FDCWD, b"/", _AT_RECURSIVE, attributes, len(attributes))


def _hide(folder: str) -> None:
    _call(_libc.mount, b"none", os.fsencode(folder), b"tmpfs", ctypes.c_ulong(_MOUNTED_READ_ONLY), b"size=4k")


def _landlock() -> None:
    version = _syscall(_LANDLOCK_CREATE, None, 0, 1)
    writes = _FS_WRITES | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    handled = struct.pack("=3Q", writes, _TCP, _SCOPES)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = _syscall(_LANDLOCK_CREATE, handled, len(handled), 0)
    null = os.open(os.devnull, os.O_PATH | os.O_CLOEXEC)
    # Nothing may be written but the null device, which libraries open as a matter of course.
    _syscall(_LANDLOCK_ADD, rules, 1, struct.pack("=Qi", _WRITE_FILE, null), 0)
    _syscall(_LANDLOCK_RESTRICT, rules, 0)
    os.close(null)
    os.close(rules)


def _deny_sockets() -> None:
    """A seccomp filter: no new socket of any family (unix sockets ignore network namespaces), no io_uring."""
    if platform.machine() not in _SOCKET:
        raise Denied
    architecture, socket_call = _SOCKET[platform.machine()]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    filters = [
        (load, 0, 0, 4),
        (equal, 0, 5, architecture),
        (load, 0, 0, 0),
        (at_least, 3, 0, 0x40000000),  # x86's x32 calls
        (equal, 2, 0, socket_call),
        (equal, 1, 0, _IO_URING_SETUP),
        (answer, 0, 0, 0x7FFF0000),  # allow
        (answer, 0, 0, 0x00050001),  # EPERM
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in filters))
    program = struct.pack("HP", len(filters), ctypes.addressof(code))
    _prctl(_PR_SET_SECCOMP, 2, program)


def _prctl(option: int, value: int, pointer: bytes | None = None) -> None:
    _call(_libc.prctl, option, ctypes.c_ulong(value), pointer, ctypes.c_ulong(0), ctypes.c_ulong(0))


def _syscall(number: int, *arguments: int | bytes | None) -> int:
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return _call(_libc.syscall, ctypes.c_long(number), *wide)


def _call(function: Callable[..., int], *arguments: object) -> int:
    answer = function(*arguments)
    if answer < 0:
        raise Denied(os.strerror(ctypes.get_errno()))
    return answer


PROTECTIONS: dict[str, Callable[[], None]] = {
    "rlimits": _limit,
    _NAMESPACES: _unshare,
    "read-only mounts": _mount_read_only,
    "no new privileges": lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1),
    "landlock": _landlock,
    "no sockets": _deny_sockets,
}
"""What is tried, in this order: name and step."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
