"""A project's main.py as one wrote it for upstream: everything by hand, every call positional."""
import importlib

import torch

import core_scripts.config_parse.arg_parse as nii_arg_parse
import core_scripts.config_parse.config_parse as nii_config_parse  # noqa: F401
import core_scripts.data_io.conf as nii_dconf  # noqa: F401
import core_scripts.data_io.customize_dataset as nii_dset
import core_scripts.data_io.default_data_io as nii_default_dset  # noqa: F401
import core_scripts.nn_manager.nn_manager as nii_nn_wrapper
import core_scripts.op_manager.op_manager as nii_op_wrapper
import core_scripts.other_tools.display as nii_warn
import core_scripts.other_tools.list_tools as nii_list_tool
import core_scripts.startup_config as nii_startup


def load_set(args, conf, name, lists, input_dirs, output_dirs, params, cuts, is_train):
    """One data set, in upstream's order of arguments; `cuts` is (truncate_seq, min_seq_len)."""
    prefix = "" if is_train is not None else "test_"
    return nii_dset.NII_MergeDataSetLoader(
        name, lists,
        input_dirs, conf.input_exts, conf.input_dims, conf.input_reso, conf.input_norm,
        output_dirs, conf.output_exts, conf.output_dims, conf.output_reso, conf.output_norm,
        "./",
        params=params, truncate_seq=cuts[0], min_seq_len=cuts[1],
        save_mean_std=bool(is_train), wav_samp_rate=conf.wav_samp_rate,
        way_to_merge=args.way_to_merge_datasets, global_arg=args, dset_config=conf,
        input_augment_funcs=getattr(conf, prefix + "input_trans_fns", None),
        output_augment_funcs=getattr(conf, prefix + "output_trans_fns", None))


def train(args, conf, module, device):
    """The training branch."""
    params = {"batch_size": args.batch_size, "shuffle": args.shuffle,
              "num_workers": args.num_workers, "sampler": args.sampler}
    cuts = (conf.truncate_seq, conf.minimum_len)
    trn_set = load_set(args, conf, conf.trn_set_name, conf.trn_list, conf.input_dirs, conf.output_dirs,
                       params, cuts, True)
    val_set = None
    if conf.val_list is not None:
        val_set = load_set(args, conf, conf.val_set_name, conf.val_list, conf.input_dirs, conf.output_dirs,
                           params, cuts, False)

    model = module.Model(trn_set.get_in_dim(), trn_set.get_out_dim(), args, conf, trn_set.get_data_mean_std())
    loss_wrapper = module.Loss(args)
    optimizer_wrapper = nii_op_wrapper.OptimizerWrapper(model, args)

    if args.trained_model == "":
        checkpoint = None
    else:
        checkpoint = torch.load(args.trained_model)
    nii_nn_wrapper.f_train_wrapper(args, model, loss_wrapper, device, optimizer_wrapper,
                                   trn_set, val_set, checkpoint)


def infer(args, conf, module, device):
    """The inference branch, and the conversion of an epoch's file to trained weights."""
    lists = conf.test_list
    if type(lists) is not list:
        lists = [nii_list_tool.read_list_from_text(lists)]
    params = {"batch_size": args.batch_size, "shuffle": False, "num_workers": args.num_workers}
    test_set = load_set(args, conf, conf.test_set_name, lists, conf.test_input_dirs, conf.test_output_dirs,
                        params, (None, None), None)

    model = module.Model(test_set.get_in_dim(), test_set.get_out_dim(), args, conf)
    if args.trained_model == "":
        checkpoint = torch.load(args.save_trained_name + args.save_model_ext)
    else:
        checkpoint = torch.load(args.trained_model)
    if args.epoch2pt:
        nii_nn_wrapper.f_convert_epoch_to_trained(args, model, device, checkpoint)
        return
    nii_nn_wrapper.f_inference_wrapper(args, model, device, test_set, checkpoint)


def main():
    """Parse, seed, choose the device, and go."""
    args = nii_arg_parse.f_args_parsed()
    nii_warn.f_print_w_date("Start program", level="h")
    nii_warn.f_print(f"Load module: {args.module_config}")
    nii_warn.f_print(f"Load module: {args.module_model}")
    conf = importlib.import_module(args.module_config)
    module = importlib.import_module(args.module_model)

    nii_startup.set_random_seed(args.seed, args)
    use_cuda = not args.no_cuda and torch.cuda.is_available()
    device = torch.device("cuda" if use_cuda else "cpu")

    if args.inference or args.epoch2pt:
        infer(args, conf, module, device)
    else:
        train(args, conf, module, device)


if __name__ == "__main__":
    main()
