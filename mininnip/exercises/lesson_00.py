"""The exercise of lesson 00: one question to learn how exercises answer."""

from mininnip.exercises.engine import Question, number
from mininnip.exercises.prediction import predict  # noqa: F401  (ex.predict)


def _judge_coordinates(answer):
    count = number(answer, "number")
    slips = {
        9.0: "that is the number of atoms; where each of them is takes more than one number",
        21.0: "that is 3N − 6, the number of vibrations; count every coordinate",
        3.0: "that is for one atom, and ethanol has nine",
        8.0: "that is the number of bonds, and a potential knows nothing of bonds",
    }
    if count == 27:
        return None
    return f"Your number is {count:g}: {slips.get(count, 'count the atoms in the picture, then the numbers per atom')}."


q1 = Question(
    verb="Predict",
    title="How many numbers say where ethanol is?",
    answer="coordinates",
    expects="a whole number",
    judge=_judge_coordinates,
    stub="coordinates = ...",
    right="coordinates = 3 * 9",
    because="Nine atoms, each with x, y and z: the energy of ethanol is a function of 27 numbers.",
    hints=[
        "C₂H₆O: how many atoms are that?",
        "Every atom needs x, y and z.",
    ],
    wrong=[
        ("coordinates = 9", "number of atoms"),
        ("coordinates = 3 * 9 - 6", "number of vibrations"),
        ("coordinates = 3", "one atom"),
        ("coordinates = 'many'", "text"),
        ("coordinates = 24", "count the atoms"),
    ],
)
