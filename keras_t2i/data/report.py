"""What was found wrong with a user's pictures and captions."""

from __future__ import annotations

import dataclasses

SHOWN = 10


@dataclasses.dataclass
class Report:
    """What a source found, what it uses, and what it leaves out; `str(report)` is for people.

    Attributes:
        found: pictures looked at, readable or not.
        used: pictures that are trained on, in all splits together.
        captions: captions of the used pictures.
        unreadable_pictures: "file: why" for what cannot be decoded, such as a text named .jpg.
        pictures_without_caption: files.
        captions_without_picture: caption files, or "table, line n: file".
        empty_captions: caption files, or places in a table, that hold no text.
        undecodable_captions: places that are not UTF-8.
        unusable_rows: rows of a table that cannot be understood, with the reason.
        repeated_names: pictures that differ from another one only in what Unicode calls equal.
    """

    found: int = 0
    used: int = 0
    captions: int = 0
    unreadable_pictures: list[str] = dataclasses.field(default_factory=list)
    pictures_without_caption: list[str] = dataclasses.field(default_factory=list)
    captions_without_picture: list[str] = dataclasses.field(default_factory=list)
    empty_captions: list[str] = dataclasses.field(default_factory=list)
    undecodable_captions: list[str] = dataclasses.field(default_factory=list)
    unusable_rows: list[str] = dataclasses.field(default_factory=list)
    repeated_names: list[str] = dataclasses.field(default_factory=list)

    @property
    def problems(self) -> dict[str, list[str]]:
        """The lists that hold something, by name."""
        lists = {name: value for name, value in vars(self).items() if isinstance(value, list)}
        return {name: value for name, value in lists.items() if value}

    @property
    def ok(self) -> bool:
        """Is there nothing to complain about?"""
        return not self.problems

    def __str__(self) -> str:
        lines = [
            f"{self.used} of {self.found} pictures are used, with {self.captions} captions"
            + (", no problems" if self.ok else "")
        ]
        for name, entries in self.problems.items():
            lines.append(f"{name.replace('_', ' ')}: {len(entries)}")
            lines += [f"  {entry}" for entry in entries[:SHOWN]]
            if len(entries) > SHOWN:
                lines.append(f"  ... and {len(entries) - SHOWN} more (see report.{name})")
        return "\n".join(lines)
