"""Where a database file lies: which file it is, and whether the disk is one of this machine."""

from __future__ import annotations

from pathlib import Path

from fairlead.errors import ConfigurationRefused

# fixed: the kernel's list of what is mounted, on Linux; elsewhere there is none
MOUNTS = Path("/proc/self/mountinfo")
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "fuse.sshfs"})
"""File systems of other machines: their locks and shared memory do not keep two writers apart."""

# fixed: the fields of mountinfo, proc(5)
_MOUNT_POINT = 4
_SEPARATOR = "-"

Identity = tuple[int, int]
"""The device and inode of a file."""


def identity_of(path: Path) -> Identity | None:
    """Return which file the path means now, None when it means none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def refuse_network(path: Path, mounts: Path = MOUNTS) -> None:
    """Raise `ConfigurationRefused` for a path on a network file system, where that can be known."""
    kind = file_system_of(path, mounts)
    if kind in NETWORK:
        raise ConfigurationRefused(
            f"{path} is on a network file system ({kind}), where two kernels could write to it at once.",
            not_done="The kernel did not start.",
            fix="Put the file on a disk of this machine.",
        )


def file_system_of(path: Path, mounts: Path = MOUNTS) -> str:
    """Return the kind of file system that holds the path; empty where nobody says."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    deepest, kind = -1, ""
    for line in lines:
        fields = line.split(" ")
        if _SEPARATOR not in fields[_MOUNT_POINT:]:  # not what proc(5) says a line looks like
            continue
        point = Path(fields[_MOUNT_POINT].replace("\\040", " "))
        depth = len(point.parts)
        if depth >= deepest and path.is_relative_to(point):  # of two mounts on one point the later is seen
            deepest, kind = depth, fields[fields.index(_SEPARATOR) + 1]
    return kind
