"""OpenSSL's errors of a process are its own.

Kamailio's tls module has OpenSSL allocate in shared memory, and begins it before the fork: so OpenSSL 3 has one list of
errors for all processes of the node (Kamailio's issue 3695, mended in 5.8). What one notes there while it reads a
certificate breaks a connection of another that only had nothing more to read; and when that takes the note away, the
certificate counts as broken.
"""

from __future__ import annotations

import ctypes
import os

LIBCRYPTO = "libcrypto.so.3"
KEYS_MOST = 1024
"""PTHREAD_KEYS_MAX."""


def have_own_errors() -> bool:
    """Once in each process, after the fork: it forgets the common list, and OpenSSL makes it one of its own.

    False where OpenSSL is not in use, or is not the version that needs it.
    """
    try:
        crypto = ctypes.CDLL(LIBCRYPTO, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
        list_of_errors = crypto.ERR_get_state
    except (OSError, AttributeError):
        return False
    process = ctypes.CDLL(None)
    list_of_errors.restype = process.pthread_getspecific.restype = ctypes.c_void_p
    process.pthread_getspecific.argtypes = [ctypes.c_uint]
    process.pthread_setspecific.argtypes = [ctypes.c_uint, ctypes.c_void_p]
    common = list_of_errors()
    for key in range(KEYS_MOST):
        if process.pthread_getspecific(key) == common:
            return bool(process.pthread_setspecific(key, None) == 0)
    return False
