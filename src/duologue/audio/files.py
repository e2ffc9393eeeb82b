"""Files that hold what people said: only their owner can read them, and no link leads a write elsewhere."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO
from typing import BinaryIO

__all__ = ["check_creatable", "create_file", "whole_file"]

_OWNER_ALONE = 0o600
_FLAGS = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""What Windows does not have is left out there: its folders of a user are private by themselves."""


def check_creatable(path: str | os.PathLike[str], *, replace: bool = True) -> None:
    """Find out, without a trace, whether `create_file` would make the file, as far as that can be known before.

    Raises as `create_file` does.
    """
    name = os.fspath(path)
    if not _is_device(name, replace=replace):
        folder = os.path.dirname(name) or os.curdir
        os.stat(folder)  # for its fault: there is no such folder
        if not os.path.isdir(folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)


def create_file(path: str | os.PathLike[str], *, replace: bool = True) -> FileIO:
    """A new, empty file that its owner alone may read; unbuffered. A device is written to as it is.

    A file that is there is taken away first, never written over: another user may have made it, to read along or to
    have a file of ours written through a link. With `replace=False` it stays.

    Raises:
        FileExistsError: the file is there and is not to be replaced.
        OSError: it is a symbolic link or a folder, or cannot be made.
    """
    name = os.fspath(path)
    if _is_device(name, replace=replace):
        return FileIO(os.open(name, _FLAGS), "wb")
    if replace:
        with suppress(FileNotFoundError):
            os.unlink(name)
    return _create(name)


@contextmanager
def whole_file(path: str | os.PathLike[str], *, replace: bool = True) -> Generator[BinaryIO, None, None]:
    """A file as of `create_file` that is there only once the block is over; a block that fails leaves what was there.

    Raises as `create_file` does, and OSError with the file's name if the disk is full.
    """
    name = os.fspath(path)
    if _is_device(name, replace=replace):
        made, target = name, create_file(name)
    else:
        descriptor, made = tempfile.mkstemp(dir=os.path.dirname(name) or os.curdir, prefix=".duologue-")  # of mode 0600
        target = FileIO(descriptor, "wb")
    try:
        with BufferedWriter(target) as file:
            yield file
        if made != name:
            check_creatable(name, replace=replace)  # another program may have made it meanwhile
            os.replace(made, name)
    except BaseException as fault:
        if made != name:
            with suppress(OSError):
                os.unlink(made)
        if isinstance(fault, OSError) and fault.filename is None and fault.errno is not None:
            raise OSError(fault.errno, os.strerror(fault.errno), name) from fault
        raise


def _is_device(name: str, *, replace: bool) -> bool:
    """Whether it is written to as it is. Raises OSError for what is there and must stay."""
    try:
        mode = os.lstat(name).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a symbolic link, which is not followed; name the file itself", name)
    if stat.S_ISCHR(mode):
        return True
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no file", name)
    if not replace:
        raise FileExistsError(errno.EEXIST, "it exists already; name another file, or have it replaced", name)
    return False


def _create(name: str) -> FileIO:
    descriptor = os.open(name, _FLAGS | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
    return FileIO(descriptor, "wb")
