"""Imports on first use, in processes of their own: the module must not be loaded before."""

import subprocess
import sys

import pytest

from shop.lazy_imports import import_on_use
from tests.support.sam_template import ROOT


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, 'layers/shop')\n{code}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_module_is_loaded_when_a_name_is_read() -> None:
    printed = run(
        "from shop.lazy_imports import import_on_use\n"
        "import_on_use('xml.dom')\n"
        "from xml import dom\n"
        "print('xml.dom.domreg' in sys.modules)\n"
        "print(dom.EMPTY_NAMESPACE)\n"
        "print('xml.dom.domreg' in sys.modules)\n"
    )

    assert printed.split() == ["False", "None", "True"]


def test_names_can_be_imported_from_the_module() -> None:
    printed = run(
        "from shop.lazy_imports import import_on_use\n"
        "import_on_use('xml.dom')\n"
        "from xml.dom import EMPTY_PREFIX\n"
        "print('xml.dom.domreg' in sys.modules)\n"
    )

    assert printed.split() == ["True"]


def test_loaded_module_stays() -> None:
    before = sys.modules[__name__]

    import_on_use(__name__)

    assert sys.modules[__name__] is before


@pytest.mark.parametrize("name", ["xml.absent", "shop.identity.absent"])
def test_absent_module_is_rejected(name: str) -> None:
    with pytest.raises(ImportError):
        import_on_use(name)


def test_certificates_are_not_loaded_for_tokens() -> None:
    printed = run(
        "import shop.identity.access_tokens\n"
        "print('jwt' in sys.modules, 'cryptography.x509.name' in sys.modules)\n"
    )

    assert printed.split() == ["True", "False"]


def test_login_and_renewal_of_tokens_load_nothing_of_second_factors_and_passkeys() -> None:
    printed = run(
        "import functions.sessions.create_session, functions.sessions.create_access_token\n"
        "packages = ('authenticators', 'codes', 'passkeys')\n"
        "prefixes = tuple(f'shop.identity.{it}' for it in packages)\n"
        "print([name for name in sys.modules if name.startswith(prefixes)])\n"
    )

    assert printed.strip() == "[]"
