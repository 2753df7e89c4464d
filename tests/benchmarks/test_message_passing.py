"""SchNet and PaiNN beside SchNetPack, where it is installed: processor time, ratios in the table, no time asserted."""

import time

import message_passing
import pytest


@pytest.mark.benchmark(group="32 ethanol molecules, 64 features, float32", timer=time.process_time)
@pytest.mark.parametrize("step", [0, 1], ids=["energy + forces", "training step"])
@pytest.mark.parametrize("name", ["SchNet", "PaiNN"])
@pytest.mark.parametrize("engine", [message_passing.ours, message_passing.schnetpack])
def test_step(benchmark, engine, name, step):
    graph = message_passing.graph_of("32 ethanol" if benchmark.enabled else "Si 8")
    try:
        call = engine(name, 64 if benchmark.enabled else 8, graph)[step]
    except ImportError as error:
        pytest.skip(str(error))
    result = benchmark.pedantic(call, rounds=15, warmup_rounds=1)
    assert bool(result.isfinite().all())
