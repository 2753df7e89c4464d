"""Exercises of the course, one module per lesson: ``from mininnip.exercises import lesson_01 as ex``.

`predict` (also ``ex.predict``) keeps a guess and sets it beside the result; `mininnip.exercises.prediction` says how.
"""

from mininnip.exercises.prediction import predict

__all__ = ["predict"]
