"""The page of the scores names all scores with their papers, directions and values for empty masks."""

import re
from pathlib import Path

import pytest

from segtopo.evaluation.scores import SCORE_GROUPS, Score, ScoreOptions, scores_of

PAGE = (Path(__file__).parents[1] / ".docs/pages/concepts/scores.md").read_text(encoding="utf-8")
SCORES = {score.name: score for ndim in (3, 2) for score in scores_of(tuple(SCORE_GROUPS), ndim)}


def rows_of(section: str) -> list[list[str]]:
    """The cells of the table of a section."""
    (text,) = (part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if part.startswith(f"{section}\n"))
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("group", SCORE_GROUPS)
def test_the_page_has_the_scores_of_a_group_in_their_order(group: str) -> None:
    listed = [name for row in rows_of(group) for name in re.findall(r"`(\w+)`", row[0])]
    assert set(listed) == {score.name for ndim in (2, 3) for score in scores_of((group,), ndim)}
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("group", SCORE_GROUPS)
def test_the_page_agrees_with_the_registry(group: str) -> None:
    for names, definition, *cells in rows_of(group):
        for score in (SCORES[name] for name in re.findall(r"`(\w+)`", names)):
            assert definition
            assert cells[:2] == [score.paper or "-", score.better or "-"], score.name
            assert (cells[2].split(";")[0], cells[3]) == (shown_worst(score), "0" if score.if_absent == 0 else "-")


def shown_worst(score: Score) -> str:
    return {None: "computed", "diagonal": "diagonal", 0.0: "0", 1.0: "1"}[score.worst]


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_every_paper_is_in_the_references(score: Score) -> None:
    references = PAGE.partition("## References\n")[2].replace("\n  ", " ").splitlines()
    if score.paper:
        author, year = score.paper.split()[0], re.search(r"\d{4}", score.paper)[0]
        assert any(author in line.split(":")[0] and year in line for line in references)


def test_the_page_says_the_settings_by_default() -> None:
    assert f"({ScoreOptions().patch_size} by default)" in PAGE
    assert ScoreOptions().patch_stride is None
