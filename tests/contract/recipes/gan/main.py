"""A GAN project's main.py as one wrote it for upstream."""
import importlib

import torch

import core_scripts.config_parse.arg_parse as nii_arg_parse
import core_scripts.config_parse.config_parse as nii_config_parse  # noqa: F401
import core_scripts.data_io.conf as nii_dconf  # noqa: F401
import core_scripts.data_io.customize_dataset as nii_dset
import core_scripts.data_io.default_data_io as nii_default_dset  # noqa: F401
import core_scripts.nn_manager.nn_manager as nii_nn_wrapper
import core_scripts.nn_manager.nn_manager_GAN as nii_nn_wrapper_GAN
import core_scripts.op_manager.op_manager as nii_op_wrapper
import core_scripts.other_tools.display as nii_warn
import core_scripts.other_tools.list_tools as nii_list_tool  # noqa: F401
import core_scripts.startup_config as nii_startup


def load_set(args, conf, name, lists, input_dirs, output_dirs, params, is_train, cuts=(None, None)):
    """One data set, in upstream's order of arguments."""
    return nii_dset.NII_MergeDataSetLoader(
        name, lists,
        input_dirs, conf.input_exts, conf.input_dims, conf.input_reso, conf.input_norm,
        output_dirs, conf.output_exts, conf.output_dims, conf.output_reso, conf.output_norm,
        "./",
        params=params, truncate_seq=cuts[0], min_seq_len=cuts[1],
        save_mean_std=is_train, wav_samp_rate=conf.wav_samp_rate,
        way_to_merge=args.way_to_merge_datasets, global_arg=args, dset_config=conf,
        inoutput_augment_func=conf.input_output_trans_fn if is_train else None)


def train(args, conf, module, device):
    """The training branch."""
    params = {"batch_size": args.batch_size, "shuffle": args.shuffle, "num_workers": args.num_workers,
              "sampler": args.sampler, "pin_memory": True}
    cuts = (conf.truncate_seq, conf.minimum_len)
    trn_set = load_set(args, conf, conf.trn_set_name, conf.trn_list, conf.input_dirs, conf.output_dirs,
                       params, True, cuts)
    val_set = load_set(args, conf, conf.val_set_name, conf.val_list, conf.input_dirs, conf.output_dirs,
                       params, False, cuts)

    dims = (trn_set.get_in_dim(), trn_set.get_out_dim())
    generator = module.ModelGenerator(dims[0], dims[1], args, conf, trn_set.get_data_mean_std())
    discriminator = module.ModelDiscriminator(dims[0], dims[1], args, conf, trn_set.get_data_mean_std())
    optimizer_g = nii_op_wrapper.OptimizerWrapper(generator, args)
    optimizer_d = nii_op_wrapper.OptimizerWrapper(discriminator, args)

    checkpoint_g, checkpoint_d = None, None
    if args.trained_model != "":
        paths = args.trained_model.split(",")
        checkpoint_g = torch.load(paths[0])
        if len(paths) > 1:
            checkpoint_d = torch.load(paths[1])
    nii_nn_wrapper_GAN.f_train_wrapper_GAN(args, generator, discriminator, None, device,
                                           optimizer_g, optimizer_d, trn_set, val_set, checkpoint_g, checkpoint_d)


def infer(args, conf, module, device):
    """The inference branch: the generator alone, through the ordinary manager."""
    params = {"batch_size": args.batch_size, "shuffle": False, "num_workers": args.num_workers}
    test_set = load_set(args, conf, conf.test_set_name, conf.test_list, conf.test_input_dirs,
                        conf.test_output_dirs, params, False)
    model = module.ModelGenerator(test_set.get_in_dim(), test_set.get_out_dim(), args, conf)
    if args.trained_model == "":
        checkpoint = torch.load(args.save_trained_name + "_G" + args.save_model_ext)
    else:
        checkpoint = torch.load(args.trained_model)
    nii_nn_wrapper.f_inference_wrapper(args, model, device, test_set, checkpoint)


def main():
    """Parse, seed, choose the device, and go."""
    args = nii_arg_parse.f_args_parsed()
    nii_warn.f_print_w_date("Start program", level="h")
    conf = importlib.import_module(args.module_config)
    module = importlib.import_module(args.module_model)
    nii_startup.set_random_seed(args.seed, args)
    use_cuda = not args.no_cuda and torch.cuda.is_available()
    device = torch.device("cuda" if use_cuda else "cpu")
    if args.inference:
        infer(args, conf, module, device)
    else:
        train(args, conf, module, device)


if __name__ == "__main__":
    main()
