"""What the kernel lets a cell without a mount namespace do with files (Landlock), and how others reach its folders."""

import ctypes
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on every architecture
VERSION_FLAG, PATH_RULE = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER = 1, 2, 4, 8  # rights (linux/landlock.h)
REFER, TRUNCATE, IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15  # since version 2, 3 and 5
BIND_AND_CONNECT_TCP, SCOPE_SOCKETS_AND_SIGNALS = 3, 3  # since version 4 and 6
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID_NODEV = 0x20000, 0x1000, 0x4000, 0x40000, 6


def landlock_version():
    """The ABI version of Landlock, 0 where the kernel has none."""
    return max(0, libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG))


def landlock_rules(readable, writable):
    """A descriptor of a ruleset: read and execute below `readable`, everything below `writable`, no TCP, no signals
    and abstract sockets outside (as far as the kernel's version knows them).
    """
    version = landlock_version()
    truncate = TRUNCATE if version >= 3 else 0
    every = REFER - 1 | truncate | (REFER if version >= 2 else 0) | (IOCTL_DEVICE if version >= 5 else 0)
    attributes = struct.pack(
        "QQQ", every, BIND_AND_CONNECT_TCP if version >= 4 else 0, SCOPE_SOCKETS_AND_SIGNALS if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = libc.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]
    on_files = EXECUTE | WRITE_FILE | READ_FILE | truncate
    reading = EXECUTE | READ_FILE | READ_FOLDER
    for paths, access in ((readable, reading), (writable, every), (devices, WRITE_FILE | READ_FILE)):
        for path in filter(os.path.exists, paths):
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = access if os.path.isdir(path) else access & on_files
            libc.syscall(ADD_RULE, rules, PATH_RULE, struct.pack("=Qi", allowed, descriptor), 0)
            os.close(descriptor)
    return rules


def restrict_files(rules):
    """Apply a ruleset to this process; whether that worked."""
    return libc.syscall(RESTRICT_SELF, rules, 0) == 0


def show_only(path):
    """Make `path` reachable for other users, in a mount namespace of this process: the folders above it that are closed
    to them are hidden below an empty one that holds nothing but `path`. Needs root; OSError without the right.
    """
    parts = os.path.realpath(path).split("/")
    parents = ["/".join(parts[:end]) for end in range(2, len(parts) + 1)]
    closed = next((parent for parent in parents if not os.stat(parent).st_mode & 1), None)
    if not closed:
        return
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "unshare")
    descriptor = os.open(path, os.O_PATH)
    if libc.mount(b"tmpfs", closed.encode(), b"tmpfs", MS_NOSUID_NODEV, b"mode=755,size=1m"):
        raise OSError(ctypes.get_errno(), "mount")
    os.makedirs(path, 0o755)
    if libc.mount(f"/proc/self/fd/{descriptor}".encode(), path.encode(), None, MS_BIND | MS_REC, None):
        raise OSError(ctypes.get_errno(), "mount")
    os.close(descriptor)
