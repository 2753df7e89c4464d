"""How near the error at the end of a calibrated attack comes to the error asked for, on the double well of lesson 22.

    python tests/benchmarks/calibrated_attack.py --seeds 0 8

The committee of lesson 22 is attacked from 80 known points for a force error of 5. It is calibrated on labels at the
ends of other attacks on the same committee (the pilot); nothing that is judged is used. The table holds the share of
the 80 ends whose error is within a factor of 2 of the one asked for.

    one factor        the geometric mean of error / spread over the pilot; one climb from every start
    several tries     the same factor; six climbs from every start, first displacements of 0.3, and of all places on
                      the way the one whose spread is nearest to the one asked for
    power law         the same places to choose from; ln error = a + b ln spread from the pilot
    neighbors         the same places; the factor is that of the 5 nearest pilot labels
    oracle factor     several tries with the one factor that is best on the ends that are judged: no single factor can
                      do better
    oracle place      of all places of a start the one whose true error is nearest: no choice among them can do better

Hypotheses, written before the first run of this form. (A first form asked for an error of 2 over four rounds. It was
stopped after one seed: few ways held any place that is so wrong, and what is not there cannot be found.)
    1. One factor stays below 80 %.                                             held: 36 %
    2. Several tries reach the spread asked for from 95 % of the starts.        held: 100 %
    3. The oracle factor stays below 80 %: the ratio of error and spread
       differs too much from place to place.                                    held: 67 %, from 31 to 99 % by seed
    4. Neighbors reach 80 % with 60 pilot labels.                               FAILED: 77 %, from 55 to 97 % by seed
Eight seeds, means of shares; with 20 pilot labels neighbors reach 65 %. So a climb is easy to steer to a spread, and a
place of the error asked for lies on nearly every way (oracle place: 99 %); what is missing is to know it, for error
over spread varies by a factor of e^0.8 from place to place, and no single factor can follow that.
"""

import argparse

import double_well as well
import numpy as np
import torch

import mininnip as mn
from mininnip.surfaces import plane

ASKED, TRIES = 5.0, 6


def true_error(ensemble, points):
    graph = plane.as_graph(points)
    return mn.uncertainty.force_error(ensemble, graph, well.LABEL(graph)["forces"]).double()


def ways(ensemble, points, target, seed, tries=TRIES, first=0.3):
    """Places (T + 1, tries, S, 2) and spreads (T + 1, tries, S)."""
    graph = plane.as_graph(points.repeat(tries, 1))
    options = {"steps": well.STEPS, "learning_rate": 0.03, "longest": 1.2, "rigid": True, "first": first}
    found = mn.adversarial.attack(ensemble, graph, kT=well.KT, target=target, seed=seed, **options)
    shape = (well.STEPS + 1, tries, len(points))
    return found.positions[..., :2].reshape(*shape, 2), found.spread.double().reshape(shape)


def near(errors):
    """Share within a factor of 2 of the error asked for."""
    return float(((errors / ASKED).log().abs() < np.log(2)).double().mean())


def nearest(predicted):
    """Of all places (P, S) the one of each start whose predicted error is nearest to the one asked for."""
    return (predicted / ASKED).log().abs().argmin(dim=0)


def run(seed, n_pilot):
    data = well.left_well(seed)
    ensemble = well.committee(data, seed)
    points, _ = well.starts(data, seed, 5)
    place, spread = ways(ensemble, points[: n_pilot // 2], ASKED, seed=1, tries=2)
    ends, sigma = place[-1].reshape(-1, 2), spread[-1].reshape(-1)
    ratio = true_error(ensemble, ends) / sigma
    factor = float(ratio.log().mean().exp())
    slope, shift = np.polyfit(sigma.log().numpy(), (ratio * sigma).log().numpy(), 1)
    points, _ = well.starts(data, seed, 6)
    place, spread = ways(ensemble, points, ASKED / factor, seed=2, tries=1, first=0.01)
    rows = {"one factor": near(true_error(ensemble, place[-1, 0]))}
    rows["one factor: spread reached"] = float(((spread[-1, 0] * factor / ASKED).log().abs() < 0.2).double().mean())
    place, spread = ways(ensemble, points, ASKED / factor, seed=3)
    place, spread = place.flatten(0, 1), spread.flatten(0, 1)  # (P, S, 2), (P, S)
    error = true_error(ensemble, place.reshape(-1, 2)).reshape(spread.shape)
    close = torch.cdist(place.reshape(-1, 2), ends).topk(5, largest=False).indices
    local = ratio.log()[close].mean(dim=1).exp().reshape(spread.shape)
    predictions = {
        "several tries": factor * spread,
        "power law": np.exp(shift) * spread**slope,
        "neighbors": local * spread,
        "oracle place": error,
    }
    for name, predicted in predictions.items():
        rows[name] = near(error.gather(0, nearest(predicted)[None])[0])
    at = nearest(factor * spread)[None]
    reached, wrong = spread.gather(0, at)[0], error.gather(0, at)[0]
    rows["several tries: spread reached"] = float(((reached * factor / ASKED).log().abs() < 0.2).double().mean())
    rows["several tries: std ln(error/σ)"] = float((wrong / reached).log().std())
    factors = torch.linspace(-3, 3, 61).double().exp()
    rows["oracle factor"] = max(near(error.gather(0, nearest(f * spread)[None])[0]) for f in factors)
    return rows


def main():
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 8), help="first and behind the last")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = {20: [], 60: []}
    for seed in range(*arguments.seeds):
        for n_pilot, rows in table.items():
            rows.append(run(seed, n_pilot))
            print(seed, n_pilot, {name: round(value, 2) for name, value in rows[-1].items()}, flush=True)
    print(f"\n{arguments.seeds[1] - arguments.seeds[0]} seeds, 80 starts each: mean (lowest to highest seed)\n")
    print("| | 20 pilot labels | 60 pilot labels |\n|---|---:|---:|")
    for name in table[20][0]:
        columns = [[row[name] for row in rows] for rows in table.values()]
        print(f"| {name} | " + " | ".join(f"{np.mean(c):.2f} ({min(c):.2f} to {max(c):.2f})" for c in columns) + " |")


if __name__ == "__main__":
    main()
