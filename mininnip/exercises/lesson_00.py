"""The exercise of lesson 00: one question to learn how exercises answer."""

from mininnip.exercises.makers import number_question
from mininnip.exercises.prediction import predict

__all__ = ["predict", "q1"]

q1 = number_question(
    "3 * 9",
    answer="coordinates",
    what="number",
    title="How many numbers say where ethanol is?",
    slips={
        "9": "that is the number of atoms; where each of them is takes more than one number",
        "3 * 9 - 6": "that is 3N − 6, the number of vibrations; count every coordinate",
        "3": "that is for one atom, and ethanol has nine",
        "8": "that is the number of bonds, and a potential knows nothing of bonds",
        "2 * 9": "two numbers for each atom; the molecule is not flat",
    },
    because="Nine atoms, each with x, y and z: the energy of ethanol is a function of 27 numbers.",
    hints=["C₂H₆O: how many atoms are that?", "Every atom needs x, y and z."],
)
