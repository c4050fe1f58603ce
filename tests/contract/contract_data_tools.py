"""Data sets made through upstream's constructor, with positional arguments in its order."""
from contract_tools import HOP, SEGMENT

from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
from core_scripts.errors import RecitalError

REFUSED = (RecitalError, SystemExit)  # SystemExit is what f_die raises
SETTINGS = {"truncate_seq": SEGMENT, "min_seq_len": 80, "save_mean_std": True, "wav_samp_rate": 16000,
            "params": {"batch_size": 2, "shuffle": False, "num_workers": 0, "sampler": "None"}}


def load(corpus, names="trn.lst", second=None, **settings):
    """NII_MergeDataSetLoader with positional arguments in upstream's order; `second` adds the second corpus."""
    names = str(corpus / names) if isinstance(names, str) else names
    folders = [corpus] if second is None else [corpus, corpus / "second"]
    lists = [names] if second is None else [names, second]
    stats = corpus.parent / "cache"
    stats.mkdir(exist_ok=True)
    return NII_MergeDataSetLoader(
        [f"set_{index}" for index in range(len(folders))], lists,
        [[str(folder / "mel"), str(folder / "f0")] for folder in folders],
        [".mel", ".f0"], [4, 1], [HOP, HOP], [True, True],
        [[str(folder / "wav")] for folder in folders], [".wav"], [1], [1], [True],
        str(stats) + "/", **(SETTINGS | settings))


def items_of(loader) -> list[str]:
    """The info strings in the order in which the loader gives them."""
    return [info for batch in loader.get_loader() for info in batch[2]]


def names_of(loader) -> list[str]:
    """The utterances of the items."""
    return [info.split(",")[1] for info in items_of(loader)]


def wave_in_wave_out(corpus, **settings):
    """One utterance, its waveform on both sides."""
    wave = [[str(corpus / "wav")]]
    return NII_MergeDataSetLoader(
        ["both"], [["utt_00", "utt_01"]], wave, [".wav"], [1], [1], [False], wave, [".wav"], [1], [1], [False],
        str(corpus.parent) + "/", params={"batch_size": 2}, save_mean_std=False, wav_samp_rate=16000, **settings)
