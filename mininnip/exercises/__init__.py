"""Exercises of the course, one module per lesson: ``from mininnip.exercises import lesson_01 as ex``."""
