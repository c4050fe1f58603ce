"""A library for wavenet-like models: analyse the data, build a model, analyse it, train, predict.

    from core_scripts.wavenetlike import *     # or, with the project's folder on the path: from wavenetlike import *

    dataset = Dataset("recordings")                 # a folder, a list of files, or numbers
    analyze(dataset)                                # lengths, rates, correlation lengths, what a model must beat
    model = build_wavenetlike({"levels": 32, "layers": 8, "blocks": 1})
    analyze(model)                                  # parameters, gamma, receptive field
    train(model, dataset)
    predict(model, inputs)

It is thin: models are those of recipe 05-toy-wavenet, data sets, training and analysis the core's. Its names are
those of the design notes.
"""
from core_scripts.wavenetlike import ops
from core_scripts.wavenetlike.analysing import analyze
from core_scripts.wavenetlike.autoregressive import Block, Losses, ar2_process, train_stack_ar
from core_scripts.wavenetlike.building import (
    WavenetConstants,
    WavenetToyConstants,
    build_wavenet,
    build_wavenet_toy,
    build_wavenetlike,
)
from core_scripts.wavenetlike.datasets import Dataset
from core_scripts.wavenetlike.predicting import predict
from core_scripts.wavenetlike.training import train

train.train = train  # the notes call it train(model, dataset) and train.train(model, dataset)

__all__ = ["Block", "Dataset", "Losses", "WavenetConstants", "WavenetToyConstants", "analyze", "ar2_process",
           "build_wavenet", "build_wavenet_toy", "build_wavenetlike", "ops", "predict", "train", "train_stack_ar"]
