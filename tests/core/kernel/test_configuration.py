"""Configuration: files and mappings, paths, digests, live venues, and secrets that are never shown."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead import Kernel, KernelSettings
from fairlead.domain.requests import PacingPolicy
from fairlead.errors import ConfigurationRefused, SettingRefused
from fairlead.kernel.configuration import digest_of, read_configuration
from fairlead.plugins.secrets import SECRET_FILE_BYTES_MAX, anchored
from fairlead.ports.exchange import ExchangeCapabilities, Fence
from fairlead.ports.settings import Secret, structure_settings
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import Yes, instrument

FILE = """
[kernel]
account = "main"
commit_timeout_ms = 500
fill_price_band = 0.25
pacing_policy = "refuse"
control_socket = "run/control"

[plugins.paper.venue]
tape = "shipped"
[plugins.sqlstore]
path = "bot.sqlite"
[plugins.riskhooks.maximum_positions]
total = 3
"""


def file_of(folder: Path, text: str = FILE) -> Path:
    """Return a configuration file with this text."""
    path = folder / "fairlead.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.requirement("FLOW-11")
def test_a_file_is_read(tmp_path: Path) -> None:
    """Settings are typed, decimals exact, tables in the file's order, paths from the file's folder."""
    read = read_configuration(file_of(tmp_path))
    assert read.settings.account == "main"
    assert read.settings.commit_timeout_ms == 500
    assert read.settings.fill_price_band == Decimal("0.25")
    assert read.settings.pacing_policy is PacingPolicy.REFUSE
    assert read.settings.control_socket == str(tmp_path / "run" / "control")
    assert read.settings.kill_switch_file == ""
    assert list(read.tables) == ["paper", "sqlstore", "riskhooks"]
    assert read.tables["riskhooks"] == {"maximum_positions": {"total": 3}}
    assert read.folder == tmp_path


def test_the_same_structure_may_be_given_in_python(tmp_path: Path) -> None:
    """A mapping says the same as the file, from the folder that is named or from the present one."""
    whole = {"kernel": {"account": "main", "kill_switch_file": "STOP"}, "plugins": {"paper": {}}}
    read = read_configuration(whole, tmp_path)
    assert read.settings.kill_switch_file == str(tmp_path / "STOP")
    assert read_configuration(whole).folder == Path.cwd()


@pytest.mark.requirement("MODE-1")
@pytest.mark.parametrize(
    ("plugins", "missing"), [("", "no exchange"), ("[plugins]\n", "no exchange")], ids=["none", "empty"]
)
def test_without_an_exchange_there_is_no_kernel(tmp_path: Path, plugins: str, missing: str) -> None:
    """Nothing is made up for a configuration that names no exchange: there is no implicit paper mode."""
    path = file_of(tmp_path, f'[kernel]\naccount = "main"\n{plugins}')
    with pytest.raises(ConfigurationRefused, match=missing):
        Kernel.from_config(path)


def test_every_complaint_comes_at_once(tmp_path: Path) -> None:
    """Unknown keys with the nearest known one, wrong types and values, each with its path."""
    path = file_of(
        tmp_path,
        """
[kernle]
[kernel]
acount = "main"
commit_timeout_ms = "fast"
fill_price_band = nan
allow_unchecked = 1
pacing_policy = "waiting"
[plugins]
paper = true
""",
    )
    with pytest.raises(ConfigurationRefused) as refusal:
        read_configuration(path)
    text = str(refusal.value)
    for complaint in (
        "kernle: unknown key; did you mean kernel?",
        "plugins.paper: must be a table.",
        "kernel.acount: unknown key; did you mean account?",
        "kernel.commit_timeout_ms: must be a whole number, not text.",
        "kernel.fill_price_band: ",
        "kernel.allow_unchecked: must be true or false, not a whole number.",
        "kernel.pacing_policy: must be one of",
    ):
        assert complaint in text
    assert text.endswith("The kernel was not made.")


@pytest.mark.parametrize(
    ("whole", "complaint"),
    [
        ({}, "kernel: is missing."),
        ({"kernel": 7}, "kernel: must be a table."),
        ({"kernel": {"account": "main"}, "plugins": []}, "plugins: must be a table."),
        ({"kernel": {"account": "a b"}}, "kernel.account: "),
        ({"kernel": {}}, "kernel.account: is missing."),
        (
            {"kernel": {"account": "main", "stop_timeout_ms": 0}},
            "kernel.stop_timeout_ms: 0 is not a whole number",
        ),
        (
            {"kernel": {"account": "main", "pacing_reserve": "1"}},
            "kernel.pacing_reserve: 1 is not a fraction",
        ),
        ({"kernel": {"account": "main", "control_socket": "a\0b"}}, "kernel.control_socket: "),
    ],
)
def test_what_cannot_be_a_configuration_is_refused(whole: dict[str, Any], complaint: str) -> None:
    """The complaint names the place."""
    with pytest.raises(ConfigurationRefused, match=complaint.replace(".", r"\.")):
        read_configuration(whole)


def test_settings_made_in_code_are_checked_alike() -> None:
    """The same refusals, without a file."""
    with pytest.raises(SettingRefused, match=r"kernel\.live: 1 is not true or false"):
        KernelSettings(account="main", live=1)  # type: ignore[arg-type]  # the fault on purpose


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A file that is not there, is no TOML or no text, or has a table twice, is named."""
    with pytest.raises(ConfigurationRefused, match="cannot be read"):
        read_configuration(tmp_path / "none.toml")
    with pytest.raises(ConfigurationRefused, match="is not TOML"):
        read_configuration(str(file_of(tmp_path, "[kernel")))
    for twice in ("[kernel]", "[plugins.sqlstore]", "[plugins.riskhooks]\nmaximum_positions = { total = 4 }"):
        with pytest.raises(ConfigurationRefused, match="is not TOML"):
            read_configuration(file_of(tmp_path, FILE + twice))
    (tmp_path / "fairlead.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationRefused, match="is not TOML"):
        read_configuration(tmp_path / "fairlead.toml")


def test_the_digest_is_of_what_is_configured() -> None:
    """Another value is another digest; another order of keys is not."""
    first: dict[str, Any] = {
        "kernel": {"account": "main", "commit_timeout_ms": 1},
        "plugins": {"a": {"list": [1, "2"]}},
    }
    same = {"plugins": {"a": {"list": [1, "2"]}}, "kernel": {"commit_timeout_ms": 1, "account": "main"}}
    assert digest_of(first) == digest_of(same)
    other = copy.deepcopy(first)
    other["plugins"]["a"]["list"] = [1, 2]
    assert digest_of(first) != digest_of(other)


# -- live venues -------------------------------------------------------------------------------------


class RealVenue(ScriptedExchange):
    """A client that does not call itself simulated."""

    def __init__(self) -> None:
        super().__init__([instrument()])
        self.capabilities = ExchangeCapabilities(fence=Fence.DEADLINE)


class AtMost(Yes):
    """A check that tells a limit."""

    name = "at-most"
    limits: ClassVar[dict[str, int]] = {"total": 1}


@pytest.mark.requirement("MODE-1", "SEC-5")
def test_a_real_venue_must_be_wanted() -> None:
    """A client of a real venue needs live = true, checks, and a limit among them: there is no default."""

    def kernel(*checks: Yes, **settings: Any) -> Kernel:  # noqa: ANN401 - fields of several types
        chosen = KernelSettings(account="main", **settings)
        return Kernel(chosen, exchange=RealVenue(), store=MemoryStore(MemoryDisk()), checks=checks)

    with pytest.raises(ConfigurationRefused, match=r"kernel\.live is not true"):
        kernel(AtMost())
    with pytest.raises(ConfigurationRefused, match="allow_unchecked"):
        kernel(AtMost(), live=True, allow_unchecked=True)
    with pytest.raises(ConfigurationRefused, match="has no risk check"):
        kernel(live=True)
    with pytest.raises(ConfigurationRefused, match="No risk check tells a limit"):
        kernel(Yes(), live=True)
    assert kernel(Yes(), AtMost(), live=True).settings.live


# -- secrets -----------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Keys:
    """A plugin's settings with a secret."""

    api_key: Secret
    name: str = "main"


def keys(value: object) -> Keys:
    """Return the settings with this in place of the secret."""
    return structure_settings(Keys, {"api_key": value}, "plugins.mine")


@pytest.mark.requirement("FLOW-11")
def test_a_secret_comes_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pointer is written in the configuration, the text is where it points; a file's is stripped."""
    monkeypatch.setenv("MY_KEY", "s3cret")
    assert keys({"$env": "MY_KEY"}).api_key == Secret("s3cret")
    file = tmp_path / "key"
    file.write_text("s3cret\n")
    file.chmod(0o600)
    assert keys({"$file": str(file)}).api_key.reveal() == "s3cret"
    assert keys(Secret("s3cret")).api_key != Secret("other")
    assert (keys(Secret("s3cret")).api_key == "s3cret") is False


@pytest.mark.parametrize(
    "value", ["s3cret", {"$env": 7}, {"$vault": "x"}, {"$env": "A", "$file": "b"}, 7, None]
)
def test_a_secret_that_is_written_down_is_refused(value: object) -> None:
    """The refusal says how to write it, and shows nothing of what was written."""
    with pytest.raises(
        ConfigurationRefused, match=r"plugins\.mine\.api_key: a secret is never written here"
    ) as refusal:
        keys(value)
    assert "s3cret" not in str(refusal.value)


def test_a_secret_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key and the variable, or the file."""
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(
        ConfigurationRefused, match=r"plugins\.mine\.api_key: the environment variable 'MY_KEY'"
    ):
        keys({"$env": "MY_KEY"})
    monkeypatch.setenv("MY_KEY", "")
    with pytest.raises(ConfigurationRefused, match=r"'MY_KEY' is not set"):
        keys({"$env": "MY_KEY"})
    with pytest.raises(ConfigurationRefused, match="cannot be read: No such file"):
        keys({"$file": str(tmp_path / "none")})
    for content in (b"", b"x" * (SECRET_FILE_BYTES_MAX + 1)):
        (tmp_path / "key").write_bytes(content)
        with pytest.raises(ConfigurationRefused, match="holds no secret"):
            keys({"$file": str(tmp_path / "key")})
    (tmp_path / "key").write_bytes(b"\xff")
    with pytest.raises(ConfigurationRefused, match="it is not text"):
        keys({"$file": str(tmp_path / "key")})


def test_a_secret_that_others_can_read_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning names the file and not what is in it."""
    file = tmp_path / "key"
    file.write_text("s3cret")
    file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        keys({"$file": str(file)})
    assert str(file) in caplog.text
    assert "s3cret" not in caplog.text


def test_a_secret_file_is_taken_from_the_configurations_folder(tmp_path: Path) -> None:
    """Wherever in the tables it is written; an absolute one stays."""
    tables = {"a": {"key": {"$file": "keys/one"}, "list": [{"$file": "/two"}, 3]}}
    assert anchored(tables, tmp_path) == {
        "a": {"key": {"$file": str(tmp_path / "keys/one")}, "list": [{"$file": "/two"}, 3]}
    }
    read = read_configuration({"kernel": {"account": "main"}, "plugins": tables}, tmp_path)
    assert read.tables["a"]["key"] == {"$file": str(tmp_path / "keys/one")}


@pytest.mark.requirement("FLOW-11")
@given(text=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=12))
def test_a_secret_is_never_shown(text: str) -> None:
    """Not by any way in which Python, attrs or a log line turns a value into text."""
    settings = Keys(api_key=Secret(text))
    secret = settings.api_key
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>200}", "%s" % secret, repr(settings)]  # noqa: UP031 - on purpose
    shown += [repr(attrs.asdict(settings)), repr([secret]), repr({"key": secret})]
    assert not any(text in each for each in shown)
    for refuses in (pickle.dumps, json.dumps, hash):
        with pytest.raises(TypeError):
            refuses(secret)
