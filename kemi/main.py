"""The file that Kamailio loads (app_python3)."""

import site
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Kamailio puts this folder first on sys.path, where its packages would shadow others of the same name.
sys.path.remove(str(ROOT / "kemi"))
sys.path[:] = [str(ROOT), *sys.path, str(ROOT / "kemi")]
for packages in ROOT.glob(".venv/lib/python3.*/site-packages"):
    site.addsitedir(str(packages))

from kemi.settings import Settings  # noqa: E402
from kemi.wiring import build  # noqa: E402


def mod_init() -> object:
    """Called once, before the fork."""
    return build(Settings.from_environment())
