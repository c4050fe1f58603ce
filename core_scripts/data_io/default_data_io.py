"""One corpus: NIIDataSet, a torch data set of its items, and NIIDataSetLoader, which makes batches of them."""
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from core_scripts.config_parse.corpus_lists import read_contract
from core_scripts.config_parse.data_config import CorpusSpec, DataOptions, LoaderOptions
from core_scripts.constants import STREAM_CROP
from core_scripts.data_io.augment import Augmenter, Piece, join_streams
from core_scripts.data_io.catalog import read_catalog
from core_scripts.data_io.loader import CorpusLoader
from core_scripts.data_io.seq_info import SeqInfo
from core_scripts.data_io.statistics import Moments, load_or_measure
from core_scripts.data_io.stream_reader import StreamReader
from core_scripts.geometry.span import Span
from core_scripts.streams import index_of, words


class NIIDataSet(Dataset):
    """Items of one corpus: (input (F, D), output (T, D) or a list of such or [], info line, number), float32 arrays.

    The arguments are upstream's; `from_spec` takes records.
    Raises: ConfigError, DataError, each with all faults.
    """

    def __init__(
        self, dataset_name, file_list, input_dirs, input_exts, input_dims, input_reso, input_norm, output_dirs,
        output_exts, output_dims, output_reso, output_norm, stats_path, data_format="<f4", truncate_seq=None,
        min_seq_len=None, save_mean_std=True, wav_samp_rate=None, flag_lang="EN", global_arg=None, dset_config=None,
        input_augment_funcs=None, output_augment_funcs=None, inoutput_augment_func=None, output_invtrans_funcs=None,
    ):
        contract = read_contract({**locals(), "params": None}, several=False)
        self._set_up(contract.corpora[0], contract.options)

    @classmethod
    def from_spec(cls, corpus: CorpusSpec, options: DataOptions) -> "NIIDataSet":
        dataset = cls.__new__(cls)
        dataset._set_up(corpus, options)
        return dataset

    def _set_up(self, corpus: CorpusSpec, options: DataOptions) -> None:
        self.corpus, self.options = corpus, options
        self.seed, self.epoch = 0, 0  # of the randomness of cuts and augmentation; set with the position
        targets = corpus.outputs if all(stream.directory is not None for stream in corpus.outputs) else ()
        self._inputs = tuple(StreamReader(stream, options.rate_hz) for stream in corpus.inputs)
        self._targets = tuple(StreamReader(stream, options.rate_hz) for stream in targets)
        self._augmenter = Augmenter(corpus, targets, options)
        catalog = read_catalog(corpus, (*self._inputs, *self._targets), options)
        written = tuple(StreamReader(stream, options.rate_hz) for stream in corpus.outputs)
        self.moments: tuple[Moments, Moments] = load_or_measure(corpus.name, (self._inputs, written), catalog, options)
        self.rule, self.lengths = catalog.rule, catalog.lengths
        self.items: tuple[SeqInfo, ...] = catalog.items[::-1] if options.reverse else catalog.items
        self.renumber(0)

    def renumber(self, first_id: int) -> None:
        """Number the items from `first_id` on: a corpus among others starts where the one before ends."""
        self.first_id = first_id
        self.items = tuple(replace(item, info_id=first_id + k) for k, item in enumerate(self.items))

    def keep(self, positions: Sequence[int]) -> None:
        """Only these items, in this order."""
        self.items = tuple(self.items[position] for position in positions)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple:
        return self.read(self._place(self.items[index]))

    def read(self, item: SeqInfo) -> tuple:
        """What `item` tells of: one of the items, or a part of one."""
        piece = Piece(self._read(self._inputs, item), self._read(self._targets, item), item)
        piece = self._augmenter.apply(piece, self.seed, self.epoch)
        inputs, outputs = (join_streams(side, item) for side in (piece.input, piece.output))
        return inputs, outputs, piece.info.print_to_str(), item.info_id

    def _place(self, item: SeqInfo) -> SeqInfo:
        """The item where this epoch cuts its utterance."""
        if not self.rule.random_offset or item.length == 0:
            return item
        word = words(self.seed, STREAM_CROP, self.epoch, index_of(item.seq_name), count=1)
        piece = self.rule.drawn_piece(self.lengths[item.seq_name], item.seg_idx, int(word[0]))
        return replace(item, start_pos=piece.start, length=len(piece))

    def input_paths(self, name: str) -> list[Path]:
        """The files that the input of an utterance is made of."""
        return [reader.path(name) for reader in self._inputs]

    def _read(self, readers: Sequence[StreamReader], item: SeqInfo) -> list[np.ndarray]:
        """Arrays per stream; where a stream is not aligned (text), it stands for the whole side."""
        unaligned = [reader for reader in readers if not reader.is_aligned]
        span = Span(item.start_pos, item.stop)
        return [reader.read_piece(item.seq_name, span) for reader in unaligned or readers]

    def get_in_dim(self) -> int:
        return sum(stream.dim for stream in self.corpus.inputs)

    def get_out_dim(self) -> int:
        return sum(stream.dim for stream in self.corpus.outputs)

    def describe_cut(self) -> str:
        """How utterances become items, for people to compare."""
        rule, count = self.rule, len(self.items)
        whole = "whole utterances" if rule.truncate is None else f"{rule.truncate} samples at most"
        least = f", {rule.minimum} at least" if rule.minimum else ""
        return f"{count} items of {whole}{least}{', random offset' if rule.random_offset else ''}"

    def describe(self) -> str:
        """One line for people."""
        names, samples = {item.seq_name for item in self.items}, sum(item.length for item in self.items)
        rate = self.options.rate_hz
        duration = f"{samples / rate / 60:.1f} min at {rate} Hz" if rate else f"{samples} steps"
        sides = " -> ".join(
            " ".join(f"{stream.ext}({stream.dim})" for stream in side) or "nothing"
            for side in (self.corpus.inputs, [reader.spec for reader in self._targets])
        )
        return f"{self.corpus.name}: {len(names)} utterances, {len(self.items)} items, {duration}, {sides}"


class NIIDataSetLoader(CorpusLoader):
    """Batches of one corpus. The arguments are upstream's.

    Raises: ConfigError, DataError, each with all faults.
    """

    def __init__(
        self, dataset_name, file_list, input_dirs, input_exts, input_dims, input_reso, input_norm, output_dirs,
        output_exts, output_dims, output_reso, output_norm, stats_path, data_format="<f4", params=None,
        truncate_seq=None, min_seq_len=None, save_mean_std=True, wav_samp_rate=None, flag_lang="EN", global_arg=None,
        dset_config=None, input_augment_funcs=None, output_augment_funcs=None, inoutput_augment_func=None,
        output_invtrans_funcs=None,
    ):
        contract = read_contract(dict(locals()), several=False)
        self._set_up([NIIDataSet.from_spec(contract.corpora[0], contract.options)], contract.loader)

    @classmethod
    def around(cls, dataset: NIIDataSet, options: LoaderOptions) -> "NIIDataSetLoader":
        """Batches of a data set that exists already."""
        loader = cls.__new__(cls)
        loader._set_up([dataset], options)
        return loader

    def get_dataset(self) -> NIIDataSet:
        return self._datasets[0]
