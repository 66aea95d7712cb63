"""What a user installs is whole: built wheels, not the source folders."""

from __future__ import annotations

import importlib
import json
from importlib.metadata import distribution, version
from importlib.resources import files

import pytest

PACKAGES = {
    "fairlead": "fairlead",
    "fairlead-paper": "fairlead_paper",
    "fairlead-riskhooks": "fairlead_riskhooks",
    "fairlead-sqlstore": "fairlead_sqlstore",
    "fairlead-webhook": "fairlead_webhook",
}


@pytest.mark.parametrize("name", PACKAGES)
def test_package_is_imported_from_its_wheel(name: str) -> None:
    """The package lies in site-packages, and its installation is not editable."""
    installed = distribution(name)
    direct_url = json.loads(installed.read_text("direct_url.json") or "{}")
    package = importlib.import_module(PACKAGES[name])

    assert "site-packages" in (package.__file__ or "")
    assert not direct_url.get("dir_info", {}).get("editable", False)


@pytest.mark.parametrize("name", PACKAGES)
def test_wheel_is_typed_licensed_and_of_one_version(name: str) -> None:
    """Annotations are visible, the licence comes along, package and metadata agree on the version."""
    package = importlib.import_module(PACKAGES[name])

    assert files(package).joinpath("py.typed").is_file()
    assert distribution(name).metadata.get_all("License-File") == ["LICENSE"]
    assert version(name) == package.__version__


def test_the_recorded_market_data_is_in_the_wheel() -> None:
    """The paper venue ships the trades and candles, and says where they come from."""
    data = files("fairlead_paper") / "data"

    names = sorted(entry.name for entry in data.iterdir())

    assert names == [
        "README.md",
        "kraken-xbtusdt-ohlc-1m-2025-11-10.csv",
        "kraken-xbtusdt-trades-2025-11-10.csv",
    ]


def test_the_command_is_installed() -> None:
    """The framework's wheel declares the console script."""
    scripts = {
        entry.name: entry.value
        for entry in distribution("fairlead").entry_points
        if entry.group == "console_scripts"
    }

    assert scripts == {"fairlead": "fairlead.cli.main:main"}
