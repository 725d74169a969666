"""Records of finished cases in the folder of their outputs, by which the same command goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from segtopo import __version__
from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError, mismatch
from segtopo.part_folders import remove_abandoned

RECORDS, CASES, SETTINGS = "records", "cases", "settings.json"


def file_states(path: Path) -> list[tuple[str, int, int]]:
    """Returns the path, the size and the time of the last change of a file, or of the files of a series in a folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    states = [(file, os.stat(file)) for file in files]
    return [(str(file.resolve()), status.st_size, status.st_mtime_ns) for file, status in states]


class CaseRecords:
    """The finished cases of a folder of outputs, all made with the same settings.

    Use it in a ``with`` statement. Its files are in the folder ``records``. If no case is finished at the end of the
    statement, they are removed.

    Args:
        out: The folder of the outputs.
        settings: All that decides the outputs, beside the input of each case. Text, numbers, lists and None.

    Example:
        >>> import tempfile
        >>> out = Path(tempfile.mkdtemp())
        >>> (out / "a.png").touch()
        >>> with CaseRecords(out / "masks", {"overlap": 0.5}) as records:
        ...     records.save("a", [out / "a.png"], [], {"edits": 3})
        >>> with CaseRecords(out / "masks", {"overlap": 0.5}) as records:
        ...     records.load("a", [out / "a.png"])
        {'edits': 3}
        >>> with CaseRecords(out / "masks", {"overlap": 0.25}) as records:
        ...     pass
        Traceback (most recent call last):
        segtopo.errors.InputError: ...masks: got results of other settings (overlap: 0.5, now 0.25), expected ...
    """

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        self.out = out
        self.settings = {"version": __version__, **settings}
        self._folder = out / RECORDS

    def __enter__(self) -> CaseRecords:
        """Makes the folder, or checks that it holds results of the same settings.

        Raises:
            InputError: The folder has other content, or results of other settings.
            OutputError: It cannot be written.
        """
        self._new_folders = [folder for folder in (self.out, *self.out.parents) if not folder.exists()]
        earlier = self._earlier_settings()
        remove_abandoned(self.out)
        if earlier is None:
            self._write(SETTINGS, self.settings)
        else:
            self._check_same(earlier)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (self._folder / CASES).exists():
            return
        with suppress(OSError):
            (self._folder / SETTINGS).unlink()
            self._folder.rmdir()
            for folder in self._new_folders:  # those that hold outputs are not empty, so they are kept
                folder.rmdir()

    def load(self, name: str, sources: Sequence[Path]) -> dict[str, Any] | None:
        """Returns the content of the record of a finished case, or None.

        Args:
            name: Name of the case.
            sources: Its input files. A case whose input has changed is not finished.
        """
        try:
            record: dict[str, Any] = json.loads(self._path(name).read_text(encoding="utf-8"))
            is_same = record["sources"] == _as_json(_states(sources))
            is_whole = all((self.out / file).is_file() for file in record["files"])
            content: dict[str, Any] = record["content"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return content if is_same and is_whole else None

    def save(self, name: str, sources: Sequence[Path], files: Sequence[str], content: Mapping[str, Any]) -> None:
        """Records that a case is finished, after its outputs are written.

        Args:
            name: Name of the case.
            sources: Its input files.
            files: Its outputs, relative to the folder.
            content: The data that the end of the work needs.
        """
        record = {"sources": _states(sources), "files": list(files), "content": dict(content)}
        self._write(f"{CASES}/{name}.json", record)

    def _path(self, name: str) -> Path:
        return self._folder / CASES / f"{name}.json"

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        with atomic_output(self._folder / name) as part:
            part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def _earlier_settings(self) -> dict[str, Any] | None:
        """Returns the settings of the results in the folder, or None if it is new or empty."""
        path = self._folder / SETTINGS
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            settings = None
        if isinstance(settings, dict):
            return settings
        if self.out.is_dir() and any(file.name != RECORDS for file in self.out.iterdir()):
            got = "a folder that is not empty"
            expected = "a new or empty folder, or one that this command has begun to fill"
            raise InputError(mismatch(self.out, got=got, expected=expected))
        return None

    def _check_same(self, earlier: dict[str, Any]) -> None:
        now = _as_json(self.settings)
        for key in [*now, *earlier]:
            if now.get(key) != earlier.get(key):
                got = f"results of other settings ({key}: {_shown(earlier.get(key))}, now {_shown(now.get(key))})"
                raise InputError(mismatch(self.out, got=got, expected="the same settings, or a new folder"))


def _states(sources: Sequence[Path]) -> list[tuple[str, int, int]]:
    return [state for path in sources for state in file_states(path)]


def _as_json(value: Any) -> Any:
    """Returns a value as it is read back from JSON."""
    return json.loads(json.dumps(value))


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
