"""What every test may use: the device it runs on, and where things are."""

from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(
    params=[
        "cpu",
        pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
        pytest.param("mps", marks=pytest.mark.skipif(not torch.backends.mps.is_available(), reason="no Apple GPU")),
    ]
)
def device(request: pytest.FixtureRequest) -> torch.device:
    """Each device of this computer in turn."""
    return torch.device(request.param)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that holds course/, mininnip/, data/ and tests/."""
    return REPOSITORY
