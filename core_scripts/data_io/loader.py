"""Batches of one or several data sets, and everything else that the managers ask a data set wrapper for."""
import hashlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, DataLoader, Dataset

from core_scripts import log
from core_scripts.config_parse.data_config import LoaderOptions
from core_scripts.data_io.collate import Batch, ItemFault, customize_collate
from core_scripts.data_io.output_writer import OutputWriter
from core_scripts.data_io.position import DataFingerprint, DataPosition
from core_scripts.data_io.sampler import BLOCK_SHUFFLE, EpochBatchSampler
from core_scripts.data_io.seq_info import parse_info
from core_scripts.errors import ConfigError, DataError, RecitalError
from core_scripts.geometry.span import Span

if TYPE_CHECKING:
    from core_scripts.data_io.default_data_io import NIIDataSet


_WORKER_PATIENCE_SECONDS = 300.0  # for a batch; DataLoader alone would wait for ever


class BatchLoader:
    """Iterates over the batches of the epoch at the sampler's position; faults of workers are raised here."""

    def __init__(self, dataset: Dataset, sampler: EpochBatchSampler, options: LoaderOptions) -> None:
        self.dataset, self.sampler, self.options = dataset, sampler, options

    def __len__(self) -> int:
        """Batches of the epoch, those behind the position included."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch]:
        workers = self.options.num_workers
        # A generator of its own: DataLoader would draw from torch's global one and shift the model's randomness.
        loader = DataLoader(
            _Guarded(self.dataset),
            batch_sampler=self.sampler,
            num_workers=workers,
            collate_fn=customize_collate,
            pin_memory=self.options.pin_memory and torch.cuda.is_available(),
            timeout=_WORKER_PATIENCE_SECONDS if workers else 0,
            worker_init_fn=_leave_signals_to_main,
            multiprocessing_context=_process_start() if workers else None,
            generator=torch.Generator().manual_seed(self.sampler.position.seed & (2**63 - 1)),
        )
        with _signals_held():  # workers are born with them blocked; there is no moment at which one would end them
            batches = iter(loader)
        try:
            for batch in batches:
                if isinstance(batch, ItemFault):
                    raise batch.error
                yield batch
        except RuntimeError as fault:
            if "DataLoader timed out" in str(fault):
                raise RecitalError(f"no data for {_WORKER_PATIENCE_SECONDS:.0f} s: a data loading process hangs, the "
                                   "disk or network may be gone; the run goes on from its last state when it is "
                                   "started again") from None
            if "DataLoader worker" not in str(fault):
                raise
            raise DataError(f"a data loading process ended ({fault}); memory may be short: take fewer "
                            f"--num-workers than {workers}") from None
        finally:
            if workers:  # now, not when the garbage collector comes by, which may be in a worker forked meanwhile
                batches._shutdown_workers()


class _Guarded(Dataset):
    """Hands faults on as data, since an exception leaves a worker as a traceback."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __getitem__(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except RecitalError as fault:
            return ItemFault(fault)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Signals that ask to stop wait until afterwards, here; processes forked inside keep them blocked."""
    if sys.platform != "linux":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGUSR1})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_signals_to_main(worker: int) -> None:
    """A terminal or a scheduler signals all processes, but only the main one knows when to stop."""
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":  # elsewhere a sender cannot be told
        threading.Thread(target=_obey, args=(os.getppid(),), daemon=True).start()


def _obey(parent: int) -> None:
    """End this process when its parent, and nobody else, asks for it: a worker that ignores all would never end."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)


def _process_start() -> str | None:
    """Fork where it exists: functions of config.py may be lambdas, which no other way can hand over."""
    return "fork" if "fork" in multiprocessing.get_all_start_methods() else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class CorpusLoader:
    """Several data sets as one, numbered through from 0.

    Raises: ConfigError if they differ in dims, or if an option is impossible.
    """

    def _set_up(self, datasets: Sequence["NIIDataSet"], options: LoaderOptions) -> None:
        sizes = {(dataset.get_in_dim(), dataset.get_out_dim()) for dataset in datasets}
        if len(sizes) != 1:
            raise ConfigError(f"corpora differ in input and output dims: {sorted(sizes)}; they must be the same in all")
        if options.sampler == BLOCK_SHUFFLE and options.batch_size == 1:
            log.note(f"sampler {BLOCK_SHUFFLE} has no effect with batch size 1")
        self._datasets = list(datasets)
        self._loader_options = options
        self._lengths = [[item.length for item in dataset.items] for dataset in datasets]
        self._sampler = EpochBatchSampler(self._lengths, options)
        self._writer = OutputWriter(datasets[0].corpus.outputs, datasets[0].options)

    def get_loader(self) -> BatchLoader:
        return BatchLoader(ConcatDataset(self._datasets), self._sampler, self._loader_options)

    def spread_batches(self, count: int) -> list[Batch]:
        """At most `count` batches of items that lie evenly over the whole data set, read here and now."""
        items, size = ConcatDataset(self._datasets), self._loader_options.batch_size
        chosen = dict.fromkeys(number * len(items) // (count * size) for number in range(count * size))
        batches = [list(chosen)[first : first + size] for first in range(0, len(chosen), size)]
        return [customize_collate([items[number] for number in batch]) for batch in batches]

    def read_part(self, numbers: Sequence[int], part: Span) -> Batch:
        """The samples `part` of these items, as far as they go, with the same context as whole ones, read here and now.
        """
        items = []
        for number in numbers:
            dataset = self._dataset_of(number)
            item = dataset.items[number - dataset.first_id]
            inside = part.intersect(Span(0, item.length))
            items.append(dataset.read(replace(item, start_pos=item.start_pos + inside.start, length=len(inside))))
        return customize_collate(items)

    def input_paths(self, number: int) -> list[Path]:
        """The files that the input of an item is made of."""
        dataset = self._dataset_of(number)
        return dataset.input_paths(dataset.items[number - dataset.first_id].seq_name)

    def _dataset_of(self, number: int) -> "NIIDataSet":
        return next(dataset for dataset in self._datasets if number < dataset.first_id + len(dataset))

    def set_position(self, position: DataPosition) -> None:
        """Let the next iteration yield the batches of this epoch from this sample on."""
        self._sampler.set_position(position)
        for dataset in self._datasets:
            dataset.seed, dataset.epoch = position.seed, position.epoch

    @property
    def writer(self) -> OutputWriter:
        """What `putitem` writes with."""
        return self._writer

    def get_loader_params(self) -> dict[str, Any]:
        options = self._loader_options
        return {key: getattr(options, key) for key in ("batch_size", "shuffle", "num_workers", "sampler")}

    def get_batch_size(self) -> int:
        """Items per full batch, of all corpora together where they are merged side by side."""
        return self._sampler.items_per_batch

    def get_in_dim(self) -> int:
        return self._datasets[0].get_in_dim()

    def get_out_dim(self) -> int:
        return self._datasets[0].get_out_dim()

    def get_data_mean_std(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Input mean, input std, output mean, output std, float32 (D,), pooled over all frames of all corpora."""
        pooled_in, pooled_out = self._datasets[0].moments
        for dataset in self._datasets[1:]:
            pooled_in, pooled_out = pooled_in.merge(dataset.moments[0]), pooled_out.merge(dataset.moments[1])
        return (*pooled_in.mean_std(), *pooled_out.mean_std())

    def get_seq_num(self) -> int:
        return sum(len(dataset) for dataset in self._datasets)

    def get_seq_info(self) -> list[str]:
        """The info line of every item, by number."""
        return [item.print_to_str() for dataset in self._datasets for item in dataset.items]

    def get_seq_name_list(self) -> list[str]:
        """The utterance of every item, by number."""
        return [item.seq_name for dataset in self._datasets for item in dataset.items]

    def get_seq_idx_from_name(self, names: Iterable[str]) -> list[int]:
        """Numbers of all items of these utterances."""
        wanted = set(names)
        return [number for number, name in enumerate(self.get_seq_name_list()) if name in wanted]

    def fingerprint(self) -> str:
        """Changes with the names, the lengths, the cut and the order of items; not with batch size and workers."""
        options = self._loader_options
        drawn = [f"{options.shuffle},{options.sampler},{options.merge}"]
        drawn += ["random_offset" for dataset in self._datasets if dataset.rule.random_offset]
        return _digest("\n".join([*drawn, *self.get_seq_info()]))

    def full_fingerprint(self) -> DataFingerprint:
        """The fingerprint, and in words the two things that it may differ in."""
        options = self._loader_options
        files = [(number, name, dataset.lengths[name]) for number, dataset in enumerate(self._datasets)
                 for name in dict.fromkeys(item.seq_name for item in dataset.items)]
        cuts = " + ".join(dataset.describe_cut() for dataset in self._datasets)
        return DataFingerprint(
            digest=self.fingerprint(),
            files=f"{len(files)} utterances of {sum(length for _, _, length in files)} samples "
                  f"({_digest(repr(sorted(files)))[:12]}, in the order {_digest(repr(files))[:12]})",
            cut=f"{cuts}, shuffle {options.shuffle}, sampler {options.sampler}, merge {options.merge}",
        )

    def print_info(self) -> None:
        for dataset in self._datasets:
            log.say(dataset.describe())

    def putitem(self, np_array: np.ndarray, save_dir: str | Path, prefix: str, info_str: str) -> None:
        """Write the output (1, T, D) or (1, T) for one item to its files. Raises: DataError."""
        self._writer.put(np_array, save_dir, prefix, info_str)

    def update_seq_len_in_sampler_sub(self, data_info: str | Sequence[str]) -> None:
        """Note the lengths that items had after augmentation; `update_seq_len_in_sampler` brings them into force."""
        for info in [data_info] if isinstance(data_info, str) else data_info:
            item = parse_info(info)
            for dataset, lengths in zip(self._datasets, self._lengths, strict=True):
                if 0 <= item.info_id - dataset.first_id < len(lengths):
                    lengths[item.info_id - dataset.first_id] = item.length

    def update_seq_len_in_sampler(self) -> None:
        """Let the order by length of the epochs to come follow the noted lengths."""
        self._sampler.set_lengths(self._lengths)

    def manage_data(self, idx_list: Iterable[int], opt: str) -> None:
        """'keep' or 'delete' the items of these numbers; the rest is numbered anew. Raises: ConfigError, DataError."""
        if opt not in ("keep", "delete"):
            raise ConfigError(f"manage_data knows 'keep' and 'delete', not {opt!r}")
        chosen, total = set(idx_list), self.get_seq_num()
        if not all(0 <= index < total for index in chosen):
            raise DataError(f"items {sorted(chosen)} are not all among the {total} items")
        first = 0
        for dataset in self._datasets:
            count = len(dataset)
            dataset.keep([k for k in range(count) if (first + k in chosen) == (opt == "keep")])
            first += count
        self._number_through()

    def _number_through(self) -> None:
        first = 0
        for dataset in self._datasets:
            dataset.renumber(first)
            first += len(dataset)
        self._set_up(self._datasets, self._loader_options)
