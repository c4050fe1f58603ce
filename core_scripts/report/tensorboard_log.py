"""--tensorboard: curves of every tenth step, and what one validation crop sounds and looks like after each epoch."""
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core_scripts import log
from core_scripts.data_io.collate import Batch
from core_scripts.errors import RecitalError
from core_scripts.nn_manager.nn_manager_tools import Losses, move_batch
from core_scripts.nn_manager.observing import RunObserver
from core_scripts.nn_manager.training_run import TrainingRun

_STEPS = 10  # between two points of a curve
_FFT = 512


class TensorBoardLog(RunObserver):
    """Writes to `folder`; rate_hz: of the waveforms, None: no sound.

    The sound is the first crop of the validation list, generated anew by models that take whole batches and put out one
    waveform. Raises: RecitalError with the command that installs TensorBoard.
    """

    def __init__(self, folder: Path, rate_hz: int | None) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise RecitalError("--tensorboard needs TensorBoard, which is not installed: "
                               "pip install tensorboard==2.21.0") from None
        self._make_writer = partial(SummaryWriter, str(folder))
        self._writer: Any = None
        self._rate_hz = rate_hz
        self._crop: Batch | None = None
        log.note(f"for TensorBoard: tensorboard --logdir {folder}")

    def begin(self, run: TrainingRun, train_data: Any, val_data: Any) -> None:
        # Steps that a killed process did beyond the state that this one goes on from are shown once, as they are now.
        self._writer = self._make_writer(purge_step=run.step + 1)
        if val_data is None or self._rate_hz is None or not run.players[0].hooks.takes_batch:
            return
        self._crop = move_batch(val_data.spread_batches(1)[0].select([0]), run.device)
        wave = self._crop.targets
        if isinstance(wave, torch.Tensor) and wave.shape[-1] == 1:
            self._add_sound("target", wave[0, -int(self._crop.lengths[0]) :, 0], run.step)
        else:
            self._crop = None

    def after_step(self, run: TrainingRun, losses: Losses) -> None:
        if run.step % _STEPS:
            return
        for number, part in enumerate(losses.parts):
            self._writer.add_scalar(f"train/loss_{number}" if number else "train/loss", part, run.step)
        self._writer.add_scalar("train/gradient_norm", run.gradient_norm, run.step)
        self._writer.add_scalar("train/rate", run.players[0].optimizer.lr_scheduler.rate, run.step)

    def after_validation(self, run: TrainingRun) -> dict[str, float]:
        if self._crop is not None:
            output = run.players[0].hooks.inference(self._crop)
            self._add_sound("output", output[0, : int(self._crop.lengths[0]), 0], run.step)
        return {}

    def after_epoch(self, run: TrainingRun) -> None:
        epoch = run.position.epoch - 1
        if epoch in run.val_log.epochs:
            self._writer.add_scalar("valid/loss", run.val_log.flagged_loss(epoch), run.step)
        for name, value in run.facts.get(epoch, {}).items():
            self._writer.add_scalar(f"valid/{name}", value, run.step)
        self._writer.flush()

    def end(self, run: TrainingRun, outcome: str) -> None:
        if self._writer is not None:
            self._writer.close()

    def _add_sound(self, name: str, wave: torch.Tensor, step: int) -> None:
        samples = wave.float().cpu()
        self._writer.add_audio(f"sound/{name}", samples[None], step, self._rate_hz)
        figure = draw_spectrogram(samples.numpy(), self._rate_hz)
        if figure is not None:
            self._writer.add_figure(f"spectrogram/{name}", figure, step)


def draw_spectrogram(wave: np.ndarray, rate_hz: int) -> Any:
    """A figure of matplotlib in decibels, or None where that is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    fft = min(_FFT, len(wave))
    noise = 1e-9 * np.cos(np.arange(len(wave)))  # silence has a logarithm then
    axes.specgram(wave + noise, NFFT=fft, noverlap=fft // 2, Fs=rate_hz, vmin=-140, vmax=-30)
    axes.set(xlabel="s", ylabel="Hz")
    return figure
