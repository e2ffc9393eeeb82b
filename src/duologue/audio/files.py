"""Files that hold what people said: only their owner can read them, and no link leads a write elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO

__all__ = ["create_file"]

_OWNER_ALONE = 0o600
_FLAGS = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""What Windows does not have is left out there: its folders of a user are private by themselves."""


def create_file(path: str | os.PathLike[str], *, replace: bool = True) -> FileIO:
    """A new, empty file that its owner alone may read; unbuffered. A device is written to as it is.

    A file that is there is taken away first, never written over: another user may have made it, to read along or to
    have a file of ours written through a link. With `replace=False` it stays.

    Raises:
        FileExistsError: the file is there and is not to be replaced.
        OSError: it is a symbolic link or a folder, or cannot be made.
    """
    name = os.fspath(path)
    try:
        mode = os.lstat(name).st_mode
    except FileNotFoundError:
        return _create(name)
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a symbolic link, which is not followed; name the file itself", name)
    if stat.S_ISCHR(mode):
        return FileIO(os.open(name, _FLAGS), "wb")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no file", name)
    if not replace:
        raise FileExistsError(errno.EEXIST, "it exists already; name another file, or have it replaced", name)
    os.unlink(name)
    return _create(name)


def _create(name: str) -> FileIO:
    descriptor = os.open(name, _FLAGS | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
    return FileIO(descriptor, "wb")
