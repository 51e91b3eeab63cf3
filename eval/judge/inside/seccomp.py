"""Which system calls a cell forbids to itself and its children: a seccomp filter by names of calls."""

import ctypes
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # audit architectures, in the order of the columns below

# Name: number on x86_64, number on aarch64; None where the architecture lacks the call.
# What these make outlives a candidate, looks into other processes or widens the kernel's surface. No program that
# solves a problem needs one. Memory in files and pipes counts for no limit of the process that holds it.
DENIED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "perf_event_open": (298, 241), "bpf": (321, 280),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "unshare": (272, 97), "setns": (308, 268),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264), "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197),
    "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "sethostname": (170, 161), "setdomainname": (171, 162), "quotactl": (179, 60),
    "iopl": (172, None), "ioperm": (173, None), "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    "syslog": (103, 116), "migrate_pages": (256, 238), "move_pages": (279, 239), "ioprio_set": (251, 30),
    "vhangup": (153, 58), "uselib": (134, None), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "vmsplice": (278, 75),
}  # fmt: skip
CHECKED = {  # by an argument
    "clone": (56, 220), "clone3": (435, 435), "socket": (41, 198), "ioctl": (16, 29), "prctl": (157, 167),
    "setpriority": (141, 140), "fcntl": (72, 25),
}  # fmt: skip
BY_PROCESS = {  # limits and scheduling; the first argument is a process, 0 for the caller
    "prlimit64": (302, 261), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274),
}  # fmt: skip
SIGNALS = {
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}  # fmt: skip
SIGNAL_BY_DESCRIPTOR = {"pidfd_send_signal": (424, 424)}
TRUNCATION = {  # the flags of open and openat are their second and third argument, those of openat2 lie in memory
    "truncate": (76, 45), "open": (2, None), "openat": (257, 56), "openat2": (437, 437),
}  # fmt: skip
METADATA = {  # of files
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattrat": (463, 463), "removexattrat": (466, 466),
}  # fmt: skip

# Instructions (linux/bpf_common.h), offsets in `struct seccomp_data`, and what a filter returns (linux/seccomp.h).
LOAD, RETURN, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, JUMP_IF_ANY_BIT = 0x20, 0x06, 0x15, 0x35, 0x45
CALL, ARCHITECTURE, ARGUMENTS = 0, 4, 16
ALLOW, KILL, EPERM, ENOSYS, PRETEND = 0x7FFF0000, 0x80000000, 0x50001, 0x50026, 0x50000  # PRETEND: return 0
FIRST_X32_CALL = 0x40000000
NEW_NAMESPACES = 0x7E020000  # flags of clone
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15  # of fcntl; with them the kernel signals another process on input
FIOSETOWN, SIOCSPGRP = 0x8901, 0x8902  # the same of ioctl, for sockets
TIOCSTI, AF_UNIX, PR_SET_PDEATHSIG, PR_SET_SECCOMP, FILTER_MODE = 0x5412, 1, 1, 22, 2


def seccomp_filter(namespaces, own_signals, only_writers_truncate=False):
    """A BPF program for this architecture, or None where no table is known.

    Without namespaces (`landlock`) no socket can be made but by socketpair(), since Landlock does not guard named
    sockets, and changes of file metadata, which it does not guard either, do nothing. `own_signals` forbids signals to
    processes other than the caller and its own group; `only_writers_truncate` to empty a file without opening it for
    writing, which Landlock checks.
    """
    machine = os.uname().machine
    if machine not in MACHINES:
        return None
    column = list(MACHINES).index(machine)
    code = [(LOAD, 0, 0, ARCHITECTURE), (JUMP_IF_EQUAL, 1, 0, MACHINES[machine]), (RETURN, 0, 0, KILL),
            (LOAD, 0, 0, CALL)]  # fmt: skip
    if machine == "x86_64":
        code += [(JUMP_IF_AT_LEAST, 0, 1, FIRST_X32_CALL), (RETURN, 0, 0, EPERM)]

    def rule(calls, action, *checks):
        """For each call: the action, if all checks (argument, jump, constant, whether the jump is taken) hold."""
        body = []
        for index, (argument, jump, constant, taken) in enumerate(checks):
            skip = 2 * (len(checks) - index) - 1  # to behind the return
            body += [(LOAD, 0, 0, ARGUMENTS + 8 * argument), (jump, *((0, skip) if taken else (skip, 0)), constant)]
        body.append((RETURN, 0, 0, action))
        for numbers in calls:
            if numbers[column] is not None:
                code.extend([(JUMP_IF_EQUAL, 0, len(body) + 1, numbers[column]), *body, (LOAD, 0, 0, CALL)])

    not_self = (0, JUMP_IF_EQUAL, 0, False)
    rule(DENIED.values(), EPERM)
    rule([CHECKED["clone3"]], ENOSYS)  # its flags lie in memory; the C library falls back to clone
    rule([CHECKED["clone"]], EPERM, (0, JUMP_IF_ANY_BIT, NEW_NAMESPACES, True))
    rule([CHECKED["ioctl"]], EPERM, (1, JUMP_IF_EQUAL, TIOCSTI, True))
    rule([CHECKED["prctl"]], EPERM, (0, JUMP_IF_EQUAL, PR_SET_PDEATHSIG, True))
    rule([CHECKED["setpriority"]], EPERM, (1, JUMP_IF_EQUAL, 0, False))
    rule([CHECKED["setpriority"]], EPERM, (0, JUMP_IF_EQUAL, os.PRIO_PROCESS, False))
    rule(BY_PROCESS.values(), EPERM, not_self)
    if namespaces:
        rule([CHECKED["socket"]], EPERM, (0, JUMP_IF_EQUAL, AF_UNIX, False))
    else:
        rule([CHECKED["socket"]], EPERM)
        rule(METADATA.values(), PRETEND)
    if own_signals:
        rule(SIGNALS.values(), EPERM, not_self, (0, JUMP_IF_EQUAL, os.getpid(), False))
        rule(SIGNAL_BY_DESCRIPTOR.values(), EPERM)
        for call, commands in (("fcntl", (F_SETOWN, F_SETSIG, F_SETOWN_EX)), ("ioctl", (FIOSETOWN, SIOCSPGRP))):
            for command in commands:
                rule([CHECKED[call]], EPERM, (1, JUMP_IF_EQUAL, command, True))
    if only_writers_truncate:
        rule([TRUNCATION["truncate"]], EPERM)
        rule([TRUNCATION["openat2"]], ENOSYS)
        for call, flags in (("open", 1), ("openat", 2)):
            truncates = flags, JUMP_IF_ANY_BIT, os.O_TRUNC, True
            reads = flags, JUMP_IF_ANY_BIT, os.O_WRONLY | os.O_RDWR, False
            neither = [(flags, JUMP_IF_ANY_BIT, mode, True) for mode in (os.O_WRONLY, os.O_RDWR)]  # 3: not even that
            rule([TRUNCATION[call]], EPERM, truncates, reads)
            rule([TRUNCATION[call]], EPERM, truncates, *neither)
    code.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def install_filter(program):
    """Install a filter for this process and its children."""
    instructions = ctypes.create_string_buffer(program)
    description = struct.pack("HP", len(program) // 8, ctypes.addressof(instructions))  # struct sock_fprog
    if libc.prctl(PR_SET_SECCOMP, FILTER_MODE, description, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
