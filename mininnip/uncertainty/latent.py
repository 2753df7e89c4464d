"""Latent features: what a trained network makes of an environment, just before the last weighted sum.

There E_i = Σ_p w_p f_p(i) + b, so the features are the derivative of an atom's energy by the last weights, whatever the
architecture before. Two environments with equal features have equal energies: what the network cannot tell apart here,
it cannot tell apart at all.
"""

import torch
from torch import Tensor, nn

from mininnip.graph import Graph
from mininnip.neural.mlp import MLP
from mininnip.potential import Potential, in_precision

AT_ONCE = 100_000  # environments times backward passes side by side


def latent_features(potential: Potential, graph: Graph, differentiable: bool = False) -> Tensor:
    """Features f of each atom (N, P), or of each structure (S, P) if the model does not split the energy into atoms.

        f_p(i) = ∂E_i / ∂w_p

    with the P weights w of the last layer; where each element has a network of its own, the weights of all of them one
    after the other, of which an atom uses its own, and the rest is zero.

    Args:
        potential: of a network.
        graph: with edges if the network needs them.
        differentiable: with respect to the positions of the graph.

    Raises:
        ValueError: a model without a `readout` that ends in one weighted sum.
    """
    weights = last_weights(potential.model)
    with torch.enable_grad():
        out = potential.model(in_precision(graph, potential.dtype))
        values = out["energies"] if "energies" in out else out["energy"]
        rows = []
        for some in torch.arange(len(values), device=values.device).split(max(1, AT_ONCE // len(values))):
            which = torch.zeros(len(some), len(values), dtype=values.dtype, device=values.device)
            which[torch.arange(len(some)), some] = 1
            slopes = torch.autograd.grad(
                values,
                weights,
                which,
                retain_graph=True,
                create_graph=differentiable,
                is_grads_batched=True,
                allow_unused=True,
                materialize_grads=True,
            )
            rows.append(torch.cat([slope.flatten(1) for slope in slopes], dim=1))
    features = torch.cat(rows)
    return features if differentiable else features.detach()


def last_weights(model: nn.Module) -> list[Tensor]:
    """Weights of the last layer of a model's readout, without the bias; one layer, or one per element.

    Raises:
        ValueError: the model has no readout that ends in a weighted sum.
    """
    readout = dict(model.named_children()).get("readout")
    if readout is None or not (layers := last_layers(readout)):
        raise ValueError(
            f"{type(model).__name__} has no readout that ends in a weighted sum: it has no latent features"
        )
    return [layer.weight for layer in layers]


def last_layers(module: nn.Module) -> list[nn.Linear]:
    """Every layer a network inside the module ends in."""
    if isinstance(module, nn.Linear):
        return [module]
    if isinstance(module, (nn.Sequential, MLP)):
        layers = list(module.layers if isinstance(module, MLP) else module)
        return last_layers(layers[-1])
    return [layer for child in module.children() for layer in last_layers(child)]
