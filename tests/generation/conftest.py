import torch

torch.set_num_threads(1)  # the products here are tiny: a second thread waits far longer than it works
