"""Imports on first use, until Python 3.15's `lazy import`."""

import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec


def import_on_use(name: str) -> None:
    """Make later imports of `name`, a module in a package, load it when its first name is read.

    They must be `from package import module`: all other forms load it at once. A module already
    imported stays as it is. Raises `ImportError` if there is none.
    """
    if name in sys.modules:
        return
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(name=name)
    spec.loader = LazyLoader(spec.loader)
    module = sys.modules[name] = module_from_spec(spec)
    package, _, attribute = name.rpartition(".")
    # Without the attribute, imports would look for the module, and so load it.
    setattr(import_module(package), attribute, module)
    spec.loader.exec_module(module)
