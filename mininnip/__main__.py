"""`python -m mininnip doctor | lab [--instructor] | student`: the course from the command line.

doctor      look at this computer: versions, viewer, memory, data; one remedy per finding, exit code 1 if one is needed
student     make or refresh the student's copy of the lessons in course-student/
lab         the same, then open JupyterLab there; --instructor opens the originals; other flags go to JupyterLab
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from mininnip import doctor, lab, student


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m mininnip", description="The course from the command line.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("doctor", help="look at this computer and say what a lesson would trip over")
    commands.add_parser("student", help="make or refresh the student's copy of the lessons in course-student/")
    lab_command = commands.add_parser("lab", help="open JupyterLab at the first lesson; unknown flags go to JupyterLab")
    lab_command.add_argument(
        "--instructor", action="store_true", help="open the original notebooks, with the instructor's cells"
    )
    chosen, others = parser.parse_known_args(arguments)
    if others and chosen.command != "lab":
        parser.error(f"unknown: {' '.join(others)}")
    if chosen.command == "doctor":
        return 0 if doctor.report() else 1
    if chosen.command == "student":
        print(f"The student's copy is in {student.update_copy()}{os.sep}")
        return 0
    return lab.open_lab(chosen.instructor, others)


if __name__ == "__main__":
    sys.exit(main())
