"""What a cell forbids to itself and its children, by the kernel: system calls, files, and what lies above a folder."""

import ctypes
import os
import struct

PR_SET_PDEATHSIG, PR_SET_SECCOMP = 1, 22
libc = ctypes.CDLL(None, use_errno=True)

# Numbers for x86_64 and aarch64. What these calls make outlives a candidate, looks into other processes or widens the
# kernel's surface; none is needed by a program that solves a problem.
DENIED = {
    "x86_64": """101 310 311 438 440 312 165 166 155 161 429 430 431 432 433 428 442 272 308 321 298 323 425 426 427 250
    248 249 246 320 175 313 176 169 304 303 29 30 31 67 64 65 66 220 68 69 70 71 240 241 167 168 163 164 227
    170 171 179 172 173 300 301 103 256 279 251 153 134""",
    "aarch64": """117 270 271 438 440 272 40 39 41 51 429 430 431 432 433 428 442 97 268 280 241 282 425 426 427 219 217
    218 104 294 105 273 106 142 265 264 194 195 196 197 190 191 192 193 186 187 188 189 180 181 224 225 89
    170 112 161 162 60 262 263 116 238 239 30""",
}
CALLS = {  # audit architecture; calls of which one argument is checked; calls by which processes signal; file metadata
    "x86_64": (0xC000003E, {"clone": 56, "clone3": 435, "socket": 41, "ioctl": 16, "prctl": 157, "setpriority": 141},
               (302, 203, 144, 142, 314), (62, 200, 234, 129, 297, 424),
               (90, 91, 268, 452, 92, 93, 94, 260, 188, 189, 190, 197, 198, 199, 132, 235, 261, 280, 463, 466)),
    "aarch64": (0xC00000B7, {"clone": 220, "clone3": 435, "socket": 198, "ioctl": 29, "prctl": 167, "setpriority": 140},
                (261, 122, 119, 118, 274), (129, 130, 131, 138, 240, 424),
                (52, 53, 452, 54, 55, 5, 6, 7, 14, 15, 16, 88, 463, 466)),
}  # fmt: skip
ALLOW, KILL, EPERM, ENOSYS, PRETEND = 0x7FFF0000, 0x80000000, 0x50001, 0x50026, 0x50000
NEW_NAMESPACES = 0x7E020000


def seccomp_filter(namespaces, own_signals):
    """A BPF program for this architecture, or None. Without namespaces (`landlock`) no socket but socketpair() can be
    made, since Landlock does not guard named sockets, and changes of file metadata, which it does not guard either, do
    nothing; `own_signals` forbids to signal processes other than the caller's own group and itself.
    """
    machine = os.uname().machine
    if machine not in CALLS:
        return None
    arch, named, by_pid, signals, metadata = CALLS[machine]
    code = [(0x20, 0, 0, 4), (0x15, 1, 0, arch), (0x06, 0, 0, KILL), (0x20, 0, 0, 0)]
    if machine == "x86_64":
        code += [(0x35, 0, 1, 0x40000000), (0x06, 0, 0, EPERM)]  # the x32 numbers

    def rule(number, action, *checks):
        # Each check is (argument, jump operation, constant, the outcome that leads to the action).
        body = []
        for position, (argument, operation, constant, wanted) in enumerate(checks):
            away = 2 * (len(checks) - position) - 1  # behind the return: number not matched
            body.append((0x20, 0, 0, 16 + 8 * argument))
            body.append((operation, 0, away, constant) if wanted else (operation, away, 0, constant))
        body.append((0x06, 0, 0, action))
        code.extend([(0x15, 0, len(body) + 1, number), *body, (0x20, 0, 0, 0)])

    for number in map(int, DENIED[machine].split()):
        rule(number, EPERM)
    rule(named["clone3"], ENOSYS)  # its flags lie in memory; the C library falls back to clone
    rule(named["clone"], EPERM, (0, 0x45, NEW_NAMESPACES, True))
    rule(named["ioctl"], EPERM, (1, 0x15, 0x5412, True))  # TIOCSTI
    rule(named["prctl"], EPERM, (0, 0x15, PR_SET_PDEATHSIG, True))
    rule(named["setpriority"], EPERM, (1, 0x15, 0, False))
    for number in by_pid:  # limits and scheduling of other processes
        rule(number, EPERM, (0, 0x15, 0, False))
    if namespaces:
        rule(named["socket"], EPERM, (0, 0x15, 1, False))  # AF_UNIX alone
    else:
        rule(named["socket"], EPERM)
        for number in metadata:
            rule(number, PRETEND)
    if own_signals:
        for number in signals:
            rule(number, EPERM, (0, 0x15, 0, False), (0, 0x15, os.getpid(), False))
    code.append((0x06, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *step) for step in code)


def restrict_calls(program):
    """Install a filter for this process and its children."""
    steps = ctypes.create_string_buffer(program)
    description = struct.pack("HP", len(program) // 8, ctypes.addressof(steps))  # struct sock_fprog
    if libc.prctl(PR_SET_SECCOMP, 2, description, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def landlock_version():
    """The ABI version of Landlock, 0 where the kernel has none."""
    return max(0, libc.syscall(444, None, ctypes.c_size_t(0), 1))


def landlock_rules(readable, writable):
    """A descriptor of a ruleset: read and execute below `readable`, everything below `writable`, no TCP, no signals
    and abstract sockets outside (as far as the kernel's version knows them).
    """
    version = landlock_version()
    every = (1 << 13) - 1 | (version >= 2) << 13 | (version >= 3) << 14 | (version >= 5) << 15
    attributes = struct.pack("QQQ", every, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = libc.syscall(444, attributes, ctypes.c_size_t(size), 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]
    reading, on_files = 1 | 4 | 8, 1 | 2 | 4 | (version >= 3) << 14
    for paths, access in ((readable, reading), (writable, every), (devices, 2 | 4)):
        for path in filter(os.path.exists, paths):
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = access if os.path.isdir(path) else access & on_files
            libc.syscall(445, rules, 1, struct.pack("=Qi", allowed, handle), 0)
            os.close(handle)
    return rules


def show_only(path):
    """Make `path` reachable for other users, in a mount namespace of this process: the folders above it that are closed
    to them are hidden below an empty one that holds nothing but `path`. Needs root; OSError without the right.
    """
    parts = os.path.realpath(path).split("/")
    parents = ["/".join(parts[:end]) for end in range(2, len(parts) + 1)]
    closed = next((parent for parent in parents if not os.stat(parent).st_mode & 1), None)
    if not closed:
        return
    if libc.unshare(0x20000) or libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None):
        raise OSError(ctypes.get_errno(), "unshare")
    handle = os.open(path, os.O_PATH)
    if libc.mount(b"tmpfs", closed.encode(), b"tmpfs", 6, b"mode=755,size=1m"):
        raise OSError(ctypes.get_errno(), "mount")
    os.makedirs(path, 0o755)
    if libc.mount(f"/proc/self/fd/{handle}".encode(), path.encode(), None, 0x1000 | 0x4000, None):
        raise OSError(ctypes.get_errno(), "mount")
    os.close(handle)
