"""Several corpora as one data set."""
from collections.abc import Sequence

from core_scripts.config_parse.corpus_lists import read_contract
from core_scripts.config_parse.data_config import CorpusSpec, DataOptions, LoaderOptions
from core_scripts.data_io.default_data_io import NIIDataSet, NIIDataSetLoader
from core_scripts.data_io.loader import CorpusLoader
from core_scripts.errors import ConfigError


class NII_MergeDataSetLoader(CorpusLoader):  # noqa: N801 (the flow chart's name)
    """Batches of several corpora, concatenated or drawn side by side.

    The arguments are upstream's; `from_specs` takes records.
    Raises: ConfigError, DataError, each with all faults.
    """

    def __init__(
        self, dataset_name, list_file_list, list_input_dirs, input_exts, input_dims, input_reso, input_norm,
        list_output_dirs, output_exts, output_dims, output_reso, output_norm, stats_path, data_format="<f4",
        params=None, truncate_seq=None, min_seq_len=None, save_mean_std=True, wav_samp_rate=None, flag_lang="EN",
        way_to_merge="concatenate", global_arg=None, dset_config=None, input_augment_funcs=None,
        output_augment_funcs=None, inoutput_augment_func=None, output_invtrans_funcs=None,
    ):
        contract = read_contract(dict(locals()), several=True)
        self._read_corpora(contract.corpora, contract.options, contract.loader)

    @classmethod
    def from_specs(
        cls, corpora: Sequence[CorpusSpec], options: DataOptions, loader: LoaderOptions
    ) -> "NII_MergeDataSetLoader":
        """The data set that records describe. Raises: ConfigError, DataError."""
        merged = cls.__new__(cls)
        merged._read_corpora(corpora, options, loader)
        return merged

    def _read_corpora(self, corpora: Sequence[CorpusSpec], options: DataOptions, loader: LoaderOptions) -> None:
        if not corpora:
            raise ConfigError("a data set needs at least one corpus")
        self._loader_options = loader
        self._datasets = [NIIDataSet.from_spec(corpus, options) for corpus in corpora]
        self._number_through()

    def get_dataset(self) -> list[NIIDataSetLoader]:
        """One loader per corpus, over the same items under the same numbers."""
        return [NIIDataSetLoader.around(dataset, self._loader_options) for dataset in self._datasets]

    def add_dataset(self, other: CorpusLoader) -> None:
        """Append the corpora of another loader, which is of no more use afterwards; their items get new numbers."""
        self._datasets = [*self._datasets, *other._datasets]
        self._number_through()
