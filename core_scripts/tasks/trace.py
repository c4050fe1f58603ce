"""The verb trace: every box of the flow chart, printed as it is entered."""
from argparse import Namespace
from dataclasses import replace

from core_scripts.analysis.trace import trace_boxes
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.errors import UsageError
from core_scripts.flow import train_once
from core_scripts.run_folder import RunFolder


def trace(resolved: Resolved, folder: RunFolder) -> None:
    """One minibatch of training and of validation from fresh weights, every box printed as it is entered.

    Raises: UsageError if the run has states, from which there would be nothing left to train.
    """
    args = Namespace(**vars(resolved.args))
    if args.trained_model or list(folder.path.glob(f"{args.save_epoch_name}_*{args.save_model_ext}")):
        raise UsageError(f"trace starts from fresh weights, and {folder.path} holds a trained run; leave --exp and "
                         "--trained-model out")
    args.epochs, args.debug_batch_num, args.not_save_anything, args.verbose = 1, 1, True, 0
    with trace_boxes():
        train_once(replace(resolved, args=args), folder)
