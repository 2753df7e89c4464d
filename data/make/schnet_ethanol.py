"""Train the SchNet of lesson 13 on all training frames of ethanol: `python schnet_ethanol.py`, ten minutes of a core.

Stopped, it goes on where it was. The result is `data/schnet_ethanol.safetensors`, which the lesson takes to
vibrations and dynamics.
"""

from pathlib import Path

import torch

import mininnip as mn

DATA = Path(__file__).resolve().parents[1]
CHECKPOINT = Path(__file__).with_name("schnet_ethanol.checkpoint")


def main() -> None:
    """Train, print the errors on test frames of all temperatures, write the file."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ethanol = mn.load_data("ethanol").where(group="md")
    potential = mn.Potential(mn.neural.SchNet(cutoff=5.0, n_features=64, n_layers=3))
    how = {"epochs": 200, "batch_size": 10, "learning_rate": 2e-3, "energy_weight": 1.0, "force_weight": 1.0}
    print(mn.train(potential, ethanol.part("train"), ethanol.part("valid"), checkpoint=CHECKPOINT, **how))
    print(mn.evaluate(potential, ethanol.part("test")))
    mn.save(potential, DATA / "schnet_ethanol.safetensors")


if __name__ == "__main__":
    main()
