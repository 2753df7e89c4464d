"""What every test may use: the device it runs on, and where things are."""

from pathlib import Path
from typing import Any

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


def in_browser(path: str | Path) -> bool:
    """Whether a test drives JupyterLab in a browser."""
    return "tests/browser/" in Path(path).as_posix()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The largest pieces first, so that no core is idle at the end: in the browser, then lessons, then the rest."""
    items.sort(key=lambda item: 0 if in_browser(item.path) else 1 if item.path.suffix == ".ipynb" else 2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Pieces for several processes: each test in the browser; all cells of a lesson; all tests of any other file."""
    from xdist.scheduler import LoadScopeScheduling

    class Pieces(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return nodeid if in_browser(file) else file

    return Pieces(config, log)
