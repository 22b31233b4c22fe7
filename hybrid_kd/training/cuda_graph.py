"""A step as a CUDA graph: all its kernels are launched at once.

On a GPU the kernels of a small network are sooner done than launched one by one.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Int64
from torch import Tensor

WARM_UP_STEPS = 3

Step = Callable[[Int64[Tensor, " batch"]], None]


class GraphedStep:
    """A step of which the first few run as they are, and all others as replays of one captured graph.

    The step is given minibatches of one size, and reads or changes nothing on the host. generators: those of
    the device from which it draws.

    Source: PyTorch, CUDA semantics, "CUDA Graphs": whole-network capture.
    """

    def __init__(self, step: Step, generators: Sequence[torch.Generator]) -> None:
        self._step = step
        self._generators = generators
        self._num_warm = 0
        self._frame_index: Int64[Tensor, " batch"] | None = None  # what the graph reads
        self._replay: Callable[[], None] | None = None

    def __call__(self, frame_index: Int64[Tensor, " batch"]) -> None:
        """Take the step with these frames."""
        if self._num_warm < WARM_UP_STEPS:
            on_side_stream(lambda: self._step(frame_index))
            self._num_warm += 1
            return
        if self._replay is None or self._frame_index is None:
            self._frame_index = captured_index = frame_index.clone()
            self._replay = captured(lambda: self._step(captured_index), self._generators)
        self._frame_index.copy_(frame_index)
        self._replay()


def on_side_stream(work: Callable[[], None]) -> None:
    """Do what is to be captured later, where it will be captured."""
    stream, current = torch.cuda.Stream(), torch.cuda.current_stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        work()
    current.wait_stream(stream)


def captured(work: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
    """A function that does the work again, on the same memory; it is not done yet."""
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        work()
    return graph.replay
