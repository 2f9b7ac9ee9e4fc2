"""A training step as a CUDA graph: recorded once, replayed for each batch, with nothing left to launch in between.

A step of a small network is a long row of little jobs that a processor hands to the GPU one by one, and the GPU waits
for it. A recording is handed over at once (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs).
"""

from __future__ import annotations

import copy
import warnings

import torch

from nbhelpers.networks.data import Batch

WARM_UP = 3  # steps before the recording: libraries choose their kernels, optimizers make their moments


class Recorded:
    """A training step that is recorded once it is warm, and replayed from then on.

    The first steps are taken as they are, on the stream of the recording. What a replay returns lies where the
    recording's tensors lie, until the next. All batches must have the same shapes; random numbers are those that the
    seed of the moment gives, as without a recording. Rates of optimizers must be tensors on the device.

    Parameters
    ----------
    step : callable
        Batch -> (predicted, values): a tensor, and a dict of str to tensor.
    """

    def __init__(self, step):
        self.step, self.taken, self.graph = step, 0, None
        self.stream = torch.cuda.Stream()

    def __call__(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        if self.taken < WARM_UP:
            self.taken += 1
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream), warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*capturable=True")  # the recording comes a little later
                found = self.step(batch)
            torch.cuda.current_stream().wait_stream(self.stream)
            return found
        if self.graph is None:
            self.batch = copy.deepcopy(batch)
            self.graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(self.graph, stream=self.stream):  # nothing is computed yet
                    predicted, values = self.step(self.batch)
            except RuntimeError as error:
                if isinstance(error.__context__, torch.OutOfMemoryError):  # the end of a failed recording hides it
                    raise error.__context__ from None
                raise
            self.found = predicted.detach(), {name: value.detach() for name, value in values.items()}
        for mine, new in zip(_tensors(self.batch), _tensors(batch)):
            mine.copy_(new)
        self.graph.replay()
        return self.found


def _tensors(batch: Batch) -> list[torch.Tensor]:
    """All of a batch, those in lists too."""
    parts = [part if isinstance(part, list) else [part] for part in batch if part is not None]
    return [tensor for part in parts for tensor in part]
