"""NequIP beside its authors' code, where it is installed: processor time, ratios in the table, no time asserted."""

import time

import pytest
import tensor_products


@pytest.mark.benchmark(group="32 ethanol molecules, NequIP of 32 channels, float32", timer=time.process_time)
@pytest.mark.parametrize("step", [0, 1], ids=["energy + forces", "training step"])
@pytest.mark.parametrize("engine", [tensor_products.ours, tensor_products.theirs])
def test_step(benchmark, engine, step):
    graph = tensor_products.graph_of("32 ethanol" if benchmark.enabled else "Si 8")
    try:
        call = engine(graph)[step]
    except ImportError as error:
        pytest.skip(str(error))
    result = benchmark.pedantic(call, rounds=15, warmup_rounds=1)
    assert bool(result.isfinite().all())
