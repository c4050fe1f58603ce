"""What comes next."""
import numpy as np
import torch

from core_scripts import streams
from core_scripts.constants import STREAM_GENERATION
from core_scripts.errors import DataError, UsageError
from core_scripts.generation.sampling import draw_codes
from core_scripts.wavenetlike.autoregressive import Block
from core_scripts.wavenetlike.building import Wavenet


def predict(model: Wavenet | Block, inputs: np.ndarray, samples: int = 1, temperature: float = 0.0,
            seed: int = 1) -> np.ndarray:
    """The `samples` that follow on the inputs, float64 (samples,): of a WaveNet in [-1, 1], of a Block as its series.

    inputs: (T,) waveform or series, before which there is silence (of a Block: at least its receptive field).
    temperature: of drawing a WaveNet's samples; 0 takes the most probable one. A Block predicts means.
    Raises: DataError, UsageError.
    """
    inputs = np.asarray(inputs, dtype=np.float64)
    if inputs.ndim != 1 or not np.isfinite(inputs).all():
        raise DataError(f"inputs of shape {inputs.shape} are to be (T,) finite numbers")
    if samples < 1:
        raise UsageError(f"samples={samples} must be at least 1")
    if isinstance(model, Block):
        return model.follow(inputs, samples)
    return _follow_wave(model, inputs, samples, temperature, seed)


@torch.inference_mode()
def _follow_wave(model: Wavenet, inputs: np.ndarray, samples: int, temperature: float, seed: int) -> np.ndarray:
    module = model.module.eval()
    net = module.net
    device = module.input_mean.device
    own = net.head.quantise(torch.from_numpy(inputs).float().to(device))[-net.receptive_field :]
    codes = torch.full((1, net.receptive_field), net.silence, device=device)
    if len(own):
        codes[0, -len(own) :] = own
    frames = module.condition(module.input_mean.new_zeros(1, 0), samples)
    state, code, found = net.prime(codes[:, :-1], frames), codes[:, -1], []
    uniforms = torch.from_numpy(streams.uniforms(seed, STREAM_GENERATION, count=samples)).to(device)
    for number in range(samples):
        code = draw_codes(net.step(code, state), uniforms[number : number + 1], temperature)
        found.append(code)
    return net.head.dequantise(torch.cat(found)).double().cpu().numpy()
