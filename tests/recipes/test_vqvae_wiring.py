"""Recipe 02-vqvae with fresh weights: every input reaches every output that it should, and no other one."""
import pytest
import torch
from desk import Desk
from vqvae_stage import LATENT_HOP, build, copy_vqvae, link_corpus

from core_scripts.generation.engine import Utterances, frames_of, stream_codes
from core_scripts.generation.options import GenerationOptions

WAVE = ("decoder=wavenet", "way=likelihood")
LEARNED = (*WAVE, "upsample=samples", "upsampler.channels=8")
WHOLE = ("truncate_seq=None", "minimum_len=None", "random_offset=false", "batch_size=1")


@pytest.fixture(scope="module")
def vqvae(tmp_path_factory) -> Desk:
    place = tmp_path_factory.mktemp("wiring")
    return Desk(copy_vqvae(place / "02-vqvae"), link_corpus(place / "data"))


@pytest.fixture(scope="module", params=[(), WAVE, LEARNED], ids=["features", "frames", "samples"])
def built(request, vqvae):
    """Model, one batch of training crops, its latents and its speakers."""
    model, data = build(vqvae, "trn", *request.param, "minimum_len=1600")
    model.before_training(data)
    batch = data.spread_batches(1)[0]
    with torch.no_grad():
        return model, batch, model.encode(batch), model.speaker_numbers(batch)


def made(model, batch, latents, speakers) -> torch.Tensor:
    """What the decoder makes of latents: frames, or logits."""
    if model.error_name == "mse":
        return model.decoder.generate(latents, speakers, batch.lengths, batch.names)
    return model.decoder.predict_codes(latents, speakers, batch)[0]


@torch.no_grad()
def test_items_channels_and_speakers_of_the_condition_all_matter(built):
    model, batch, latents, speakers = built
    true = made(model, batch, latents, speakers)
    assert len(set(batch.names)) == len(batch.names) == 4
    changed = made(model, batch, latents.roll(1, 0), speakers)
    assert ((changed - true).abs().amax((1, 2)) > 1e-4).all()
    assert ((made(model, batch, latents.roll(1, 2), speakers) - true).abs().amax((1, 2)) > 1e-4).all()
    others = (speakers + 1) % len(model.speakers.names)
    assert ((made(model, batch, latents, others) - true).abs().amax((1, 2)) > 1e-5).all()


def test_every_latent_channel_has_a_gradient_in_its_own_item_only(built):
    model, batch, latents, speakers = built
    asked = latents.clone().requires_grad_()
    made(model, batch, asked, speakers)[0].square().sum().backward()
    assert (asked.grad[0].abs().sum(0) > 0).all()
    assert not asked.grad[1:].any()


@torch.no_grad()
def test_a_wrong_phase_is_seen(built):
    model, batch, latents, speakers = built
    true = made(model, batch, latents, speakers)
    shifted = model.encode(batch._replace(inputs=batch.inputs.roll(1, 1)))
    assert (shifted - latents).abs().max() > 1e-3
    late = torch.cat([latents[:, :1], latents[:, :-1]], 1)
    assert ((made(model, batch, late, speakers) - true).abs().amax((1, 2)) > 1e-5).all()


@torch.no_grad()
def test_what_the_decoder_gets_is_of_the_item_and_not_of_the_batch(vqvae):
    model, data = build(vqvae, "trn", "random_offset=false")
    model.before_training(data)
    batches = [batch for batch in data.get_loader() if len(set(batch.lengths.tolist())) > 1]
    batch = batches[0]
    together, own = model.encode(batch), model.read_tokens(batch)
    for place, length in enumerate(batch.lengths):
        alone = batch.select([place])
        frames = sum(model.paths.frame_context()) + -(-int(length) // 160)
        alone = alone._replace(inputs=alone.inputs[:, :frames])
        codes = model.read_tokens(alone).codes[0]
        assert len(codes) == -(-int(length) // LATENT_HOP)
        assert (codes == own.codes[place]).all()
        count = model.paths.count_whole(int(length))
        torch.testing.assert_close(model.encode(alone)[0, :count], together[place, :count], rtol=1e-4, atol=1e-5)
        assert not together[place, count:].any()


@torch.no_grad()
@pytest.mark.parametrize("words", [(), WAVE, LEARNED], ids=["features", "frames", "samples"])
def test_crops_have_the_outputs_of_the_whole_file_through_the_whole_network(vqvae, words):
    """MFCC with slopes, encoder, condition, decoder; of an ae, since a rounding error may tip a code over."""
    words = (*words, "bottleneck.kind=ae")
    whole_model, whole_data = build(vqvae, "val", *words, *WHOLE)
    crop_model, crop_data = build(vqvae, "val", *words, *WHOLE, f"truncate_seq={5 * LATENT_HOP}")
    crop_model.load_state_dict(whole_model.state_dict())
    batch = next(iter(whole_data.get_loader()))
    whole = made(whole_model, batch, whole_model.encode(batch), whole_model.speaker_numbers(batch))[0]
    parts = []
    for piece in crop_data.get_loader():
        if piece.names != batch.names:
            break
        output = made(crop_model, piece, crop_model.encode(piece), crop_model.speaker_numbers(piece))[0]
        parts.append(output)
    assert len(parts) > 5
    joined = torch.cat(parts)
    assert joined.shape == whole.shape
    assert (joined - whole).abs().max() < 1e-5 * max(1.0, float(whole.abs().max()))


def test_only_some_crops_reach_the_decoder_and_all_reach_the_codebook(vqvae):
    model, data = build(vqvae, "trn", "decoder=wavenet", "way=likelihood", "statistics_crops=3", "minimum_len=1600")
    batch = data.spread_batches(1)[0]
    model.train()
    before = model.units.bottleneck.core.usage.clone()
    losses, flags = model(batch)
    assert flags == [True, False] and (model.units.bottleneck.core.usage != before).any()
    heard = model.eval().error(batch.select([0]), model.encode(batch)[:1], model.speaker_numbers(batch)[:1])
    assert losses[0].item() == pytest.approx(heard.item(), abs=0.05)  # but for jitter and moved codes


def test_samples_of_the_vae_repeat_the_batch(vqvae):
    words = ("bottleneck.kind=vae", "bottleneck.samples=3", "bottleneck_weight=0.002", "minimum_len=1600")
    model, data = build(vqvae, "trn", *words)
    losses, _ = model.train()(data.spread_batches(1)[0])
    sum(losses).backward()
    assert all(torch.isfinite(loss) for loss in losses)
    assert model.units.encoder.layers[0].weight.grad.abs().sum() > 0


def test_the_weights_of_a_step_are_a_function_of_the_step(vqvae):
    words = ("decoder=wavenet", "way=one-stage", "bottleneck_warmup=10", "feature_half_life=100")
    model, _ = build(vqvae, "trn", *words)
    model.schedule(200)
    assert (model.bottleneck_weight, model.guide_weight) == (1.0, 0.25)
    model.schedule(4)
    assert model.bottleneck_weight == pytest.approx(0.5) and model.guide_weight == pytest.approx(0.5**0.04)


@torch.no_grad()
def test_engines_agree_on_the_waveform_of_latents_in_pieces_too(built):
    model, batch, *_ = built
    generator = model.wave_generator()
    if model.error_name == "mse":
        assert generator is None
        return
    batch = batch.select([0, 1])._replace(lengths=torch.tensor([700, 700]))
    frames = generator.frames(batch)
    utterances, read = Utterances(batch.names, (700, 700)), frames_of(frames, generator.stepper.hop)
    codes = [torch.cat(list(stream_codes(generator.stepper, read, utterances, GenerationOptions(engine), size)), 1)
             for engine, size in (("eager", 700), ("native", 700), ("native", 320), ("graph", 320))]
    assert all(torch.equal(codes[0], others) for others in codes[1:])
