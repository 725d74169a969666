"""Images of one subject, found by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Regular expressions whose first group is the subject, from the most to the least specific. A number in the name of a
#: subject tells it from the name of a whole data set.
SUBJECTS = (
    r"(sub-[A-Za-z0-9]+)",
    r"(.*\d)[-_ ]?(?:L|R|OS|OD|left|right)$",
    r"(.*\d.*?)[-_]\d+$",
)


def subject_pattern(names: Sequence[str]) -> str | None:
    r"""Returns a regular expression for ``data.split.group``; None if every case seems to be a subject of its own.

    Example:
        >>> subject_pattern(["Image_01L", "Image_01R", "Image_02L"])
        '(.*\\d)[-_ ]?(?:L|R|OS|OD|left|right)$'
        >>> subject_pattern(["case_01", "case_02", "case_03"])
    """
    for pattern in SUBJECTS:
        found = [re.search(pattern, name) for name in names]
        subjects = {match.group(1) for match in found if match}
        if all(found) and 1 < len(subjects) < len(names):
            return pattern
    return None
