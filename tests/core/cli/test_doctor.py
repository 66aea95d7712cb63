"""`fairlead doctor` names what is wrong with a configuration, and leaves everything as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.cli.exit_codes import ExitCode
from fairlead.plugins.discovery import installed
from tests.core.cli import doctor_kit
from tests.core.cli.memory_reader import run_command
from tests.core.plugins.installed_distributions import install

GOOD = """
[kernel]
account = "test"
kill_switch_file = "STOP"

[plugins.venue]
key = { "$file" = "key" }

[plugins.shelf]
path = "kernel.store"

[plugins.checks]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with a configuration, what it names, and the plugins installed for this process."""
    install(tmp_path / "site", "doctor-kit", doctor_kit.ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    (tmp_path / "fairlead.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "kernel.store").write_text("test", encoding="utf-8")
    (tmp_path / "key").write_text("s3cret-text", encoding="utf-8")
    (tmp_path / "key").chmod(0o600)
    installed.cache_clear()
    yield tmp_path
    installed.cache_clear()


def doctor(folder: Path, *options: str) -> tuple[int, str]:
    """Run the doctor over the folder's configuration; return exit code and all that it said."""
    code, out, err = run_command("doctor", "--config", str(folder / "fairlead.toml"), *options)
    return code, " ".join((out + err).split())


def test_a_good_configuration_is_left_alone(folder: Path) -> None:
    """Nothing is wrong, the venue was disconnected again, no file was changed, no secret shown."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    code, said = doctor(folder, "--connect")

    assert (code, said) == (ExitCode.OK, "Nothing is wrong.")
    assert doctor_kit.CONNECTED == []
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


MISCONFIGURATIONS = {
    "no TOML": ("[kernel]", "[kernel", "is not TOML"),
    "unknown key of the kernel": (
        "[kernel]",
        "[kernel]\ncommit_timeout = 5",
        "did you mean commit_timeout_ms?",
    ),
    "unknown key of a plugin": ("[plugins.venue]", "[plugins.venue]\nskew = 5", "did you mean skew_ms?"),
    "secret without its variable": ('"$file" = "key"', '"$env" = "NO_SUCH_KEY"', "'NO_SUCH_KEY' is not set"),
    "secret without its file": ('"$file" = "key"', '"$file" = "keys"', "No such file"),
    "secret written down": ('{ "$file" = "key" }', '"s3cret-text"', "plugins.venue.key: a secret is never"),
    "plugin that is not installed": (
        "[plugins.checks]",
        "[plugins.cheks]",
        "cheks' (no distribution): is not installed",
    ),
    "plugin of another API": ("[plugins.checks]", "[plugins.future]", "was written for plugin API 9"),
    "no exchange": ('[plugins.venue]\nkey = { "$file" = "key" }', "", "The kernel has no exchange."),
    "two exchanges": ("[plugins.checks]", "[plugins.checks]\n[plugins.second]", "given 2 exchanges"),
    "no store": ('[plugins.shelf]\npath = "kernel.store"', "", "The kernel has no store."),
    "no risk check": ("[plugins.checks]", "", "The kernel has no risk check."),
    "real venue by accident": (
        "[plugins.venue]",
        "[plugins.venue]\nsimulated = false",
        "kernel.live is not true",
    ),
    "hang before budget": (
        "[kernel]",
        "[kernel]\ncheck_hang_ms = 50",
        "kernel.check_hang_ms (50) is not above",
    ),
    "deadline after timeout": (
        "[kernel]",
        "[kernel]\nrequest_timeout_ms = 4999",
        "is below kernel.order_deadline_ms",
    ),
    "longest pause below the first": (
        "[kernel]",
        "[kernel]\nlook_up_interval_max_ms = 9",
        "kernel.look_up_interval_ms",
    ),
    "never gives up": ("[kernel]", "[kernel]\nrecovery_window_ms = 4999", "the kernel would never give up"),
    "no folder for the socket": (
        "[kernel]",
        '[kernel]\ncontrol_socket = "run/control"',
        "there is no folder",
    ),
    "kill switch pulled": ('"STOP"', '"key"', "is there, so the kernel halts"),
    "no folder for the store": ('"kernel.store"', '"data/kernel.store"', "cannot be written to"),
    "store of another account": ('"test"', '"other"', "The store belongs to account 'test'"),
    "store that is none": ('"kernel.store"', '"damaged.store"', "The file is no store."),
    "venue out of reach": (
        "[plugins.venue]",
        "[plugins.venue]\nreachable = false",
        "cannot be reached: nobody listens",
    ),
    "venue without instruments": ("[plugins.venue]", "[plugins.venue]\nempty = true", "has no instrument"),
    "clock behind": ("[plugins.venue]", "[plugins.venue]\nskew_ms = 5000", "ms from ours, more than"),
    "clock ahead": ("[plugins.venue]", "[plugins.venue]\nskew_ms = -5000", "ms from ours, more than"),
}
"""What is planted: the place in the good configuration, what stands there instead, and what is said of it."""


@pytest.mark.parametrize("planted", MISCONFIGURATIONS)
def test_a_planted_misconfiguration_is_named(folder: Path, planted: str) -> None:
    """Each is named, as the only thing that is wrong, exits with 1, and shows no secret."""
    place, instead, said_of_it = MISCONFIGURATIONS[planted]
    assert GOOD.count(place) == 1
    (folder / "damaged.store").write_text("damaged", encoding="utf-8")
    (folder / "fairlead.toml").write_text(GOOD.replace(place, instead), encoding="utf-8")

    code, said = doctor(folder, "--connect")

    assert said_of_it in said
    assert said.count("WRONG") == 1
    assert said.endswith("1 wrong.")
    assert code == ExitCode.FOUND_WRONG
    assert "s3cret-text" not in said
    assert doctor_kit.CONNECTED == []


def test_several_are_named_together(folder: Path) -> None:
    """One does not hide the others; programs read them as one document."""
    text = GOOD.replace("[kernel]", "[kernel]\ncheck_hang_ms = 50").replace("[plugins.checks]", "")
    (folder / "fairlead.toml").write_text(text, encoding="utf-8")
    (folder / "kernel.store").unlink()

    code, out, _ = run_command("doctor", "--config", str(folder / "fairlead.toml"), "--json")

    document = json.loads(out)
    assert code == ExitCode.FOUND_WRONG
    assert document["healthy"] is False
    assert [(each["topic"], each["is_note"]) for each in document["findings"]] == [
        ("settings", False),
        ("configuration", False),
        ("store", True),
    ]


def test_the_venue_is_left_alone_unless_asked(folder: Path) -> None:
    """Without --connect nothing is reached."""
    text = GOOD.replace("[plugins.venue]", "[plugins.venue]\nreachable = false")
    (folder / "fairlead.toml").write_text(text, encoding="utf-8")

    assert doctor(folder) == (ExitCode.OK, "Nothing is wrong.")


PROBED = {
    "wrong": ('says = "the key is read-only."', "WRONG probes: table: the key is read-only."),
    "note": ('notes = "3 days left."', "note probes: table: 3 days left. Nothing is wrong."),
    "broken": (
        'raises = "no key"',
        "WRONG probes: The probe table of plugin 'probes' (doctor-kit 1.0) could not",
    ),
    "hanging": ('raises = "never returns"', "could not look: TimeoutError. Tell its author."),
    "misfit": ("misfit = true", "hook fairlead_probes: NoneType is no Probe: it has no name"),
    "unknown key": ('say = "x"', "unknown key; did you mean says?"),
}
"""What the probe's table holds, and what the doctor then says."""


@pytest.mark.parametrize("probed", PROBED)
def test_probes_of_plugins_look_as_well(folder: Path, probed: str) -> None:
    """What they see is told with their name; one that breaks or hangs is wrong itself and hides nothing."""
    table, said_of_it = PROBED[probed]
    text = GOOD.replace("[kernel]", "[kernel]\nrequest_timeout_ms = 50\norder_deadline_ms = 50")
    (folder / "fairlead.toml").write_text(f"{text}\n[plugins.probes]\n{table}\n", encoding="utf-8")

    code, said = doctor(folder)

    assert said_of_it in said
    assert code == (ExitCode.OK if probed == "note" else ExitCode.FOUND_WRONG)


def test_a_probe_that_connects_waits_to_be_asked(folder: Path) -> None:
    """Without --connect nothing outside is reached."""
    text = GOOD + '\n[plugins.probes]\nconnects = true\nsays = "no route."\n'
    (folder / "fairlead.toml").write_text(text, encoding="utf-8")

    assert doctor(folder) == (ExitCode.OK, "Nothing is wrong.")
    assert "WRONG probes: table: no route." in doctor(folder, "--connect")[1]
