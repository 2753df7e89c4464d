"""Every mutant still applies, and the committed table is about those that exist."""

import re
from collections import Counter

import mutants
import pytest


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: f"{mutant.file}: {mutant.what}")
def test_every_mutant_still_applies(mutant):
    assert mutants.mutated(mutant) != mutants.source(mutant)
    compile(mutants.mutated(mutant), mutant.file, "exec")


def test_there_are_many_and_each_is_another():
    assert len(mutants.MUTANTS) >= 60
    assert Counter((mutant.file, mutant.what) for mutant in mutants.MUTANTS).most_common(1)[0][1] == 1
    assert {mutant.file for mutant in mutants.MUTANTS} == set(mutants.TESTS)


def test_the_table_is_about_these_mutants_and_nearly_all_are_killed():
    rows = re.findall(r"^\| (\S+) \| (.+) \| `(.+)` \|$", mutants.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [row[:2] for row in rows] == [(mutant.file, mutant.what) for mutant in mutants.MUTANTS]
    dead = sum(row[2] not in (mutants.ALIVE, "not tried") for row in rows)
    assert dead >= 0.95 * len(rows)


def test_a_text_that_is_gone_is_named():
    with pytest.raises(ValueError, match=r"so3, gone: 'no such text' stands there 0 times"):
        mutants.mutated(mutants.Mutant("so3", "gone", "no such text", ""))
