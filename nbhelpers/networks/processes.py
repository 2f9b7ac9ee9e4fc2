"""Work that the processes of one training share: each does its part, and all have the whole in the end."""

from __future__ import annotations

from torch import distributed


def place() -> tuple[int, int]:
    """The number of this process, and how many there are: (0, 1) for a training in one."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def leave() -> None:
    """Take leave of the others: threads that exchange gradients and outlive Python may abort the process at its end."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def share(work: list) -> list:
    """The part of some work that is this process's.

    Parameters
    ----------
    work : list
        All pieces, the same list in each process.

    Returns
    -------
    list
        Consecutive pieces, about as many for each process.
    """
    rank, world = place()
    return work[rank * len(work) // world : (rank + 1) * len(work) // world]


def gathered(done: list) -> list:
    """What all processes made of their shares. All must call it at the same time.

    It goes through the processors' memory (gloo) also where the training is on GPUs. The pieces are pickled, between
    processes of one program.

    Parameters
    ----------
    done : list
        What this process made of its `share`.

    Returns
    -------
    list
        The pieces of all processes, in the order of the work.
    """
    _, world = place()
    if world == 1:
        return done
    group, found = distributed.new_group(backend="gloo"), [None] * world
    distributed.all_gather_object(found, done, group=group)
    distributed.destroy_process_group(group)
    return [piece for one in found for piece in one]
