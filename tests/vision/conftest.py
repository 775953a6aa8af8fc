import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """More would only wait for each other on such small pictures."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
