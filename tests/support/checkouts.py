"""Real git repositories for tests, with names and times of their own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.programs import need


class Checkout:
    """A repository at `root`, and the bare environment that git is asked in."""

    def __init__(self, root: Path, home: Path, *, branch: str = "main") -> None:
        need("git", "git")
        root.mkdir(parents=True, exist_ok=True)
        home.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
        self.git("init", "--quiet", f"--initial-branch={branch}")

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        author = {"NAME": "Dana Scully", "EMAIL": "dana@example.com", "DATE": "2026-03-01T10:30:00+01:00"}
        names = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in author.items()}
        command = ["git", "-C", str(folder or self.root), "-c", "protocol.file.allow=always", *arguments]
        return subprocess.run(command, env=self.environment | names, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str = "First line\n\nSecond para", **files: str) -> str:
        """Commit files (`__` in a name stands for a dot) and return the hash."""
        for name, content in (files or {"model__txt": message}).items():
            path = self.root / name.replace("__", ".")
            path.write_text(content)
            self.git("add", "--force", str(path))
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def remote(self, address: str) -> None:
        self.git("remote", "add", "origin", address)
