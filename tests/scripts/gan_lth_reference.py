"""The SNGAN of the paper's code in PyTorch, written anew under its names, and files of it as that
code saves them.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune, spectral_norm

WIDTH, D_WIDTH, RESOLUTION = 8, 6, 32
OPTIONS = {"dataset": "cifar10", "protocol": "paper"}  # of a run that such a file is imported to
torch.set_num_threads(1)  # TensorFlow has the others


class UpBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.b1, self.b2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.c1, self.c2 = (nn.Conv2d(width, width, 3, padding="same") for _ in range(2))
        self.c_sc = nn.Conv2d(width, width, 1)
        self.upsample = nn.Upsample(scale_factor=2)

    def forward(self, x):
        hidden = self.c1(self.upsample(self.b1(x).relu()))
        return self.c2(self.b2(hidden).relu()) + self.c_sc(self.upsample(x))


class Generator(nn.Module):
    def __init__(self, width=WIDTH):
        super().__init__()
        self.l1 = nn.Linear(128, 16 * width)
        self.block2, self.block3, self.block4 = (UpBlock(width) for _ in range(3))
        self.b5, self.c5 = nn.BatchNorm2d(width), nn.Conv2d(width, 3, 3, padding="same")

    def forward(self, latents):
        maps = self.l1(latents).unflatten(1, (-1, 4, 4))
        return self.c5(self.b5(self.block4(self.block3(self.block2(maps)))).relu()).tanh()


class DownBlock(nn.Module):
    def __init__(self, inputs, width, *, first=False, halve=False):
        super().__init__()
        self.first, self.halve = first, halve
        self.c1 = spectral_norm(nn.Conv2d(inputs, width, 3, padding="same"))
        self.c2 = spectral_norm(nn.Conv2d(width, width, 3, padding="same"))
        if halve:
            self.c_sc = spectral_norm(nn.Conv2d(inputs, width, 1))

    def forward(self, x):
        hidden = self.c2(self.c1(x if self.first else x.relu()).relu())
        if not self.halve:
            return hidden + x
        return nn.functional.avg_pool2d(hidden, 2) + nn.functional.avg_pool2d(self.c_sc(x), 2)


class Discriminator(nn.Module):
    def __init__(self, width=D_WIDTH):
        super().__init__()
        self.block1 = DownBlock(3, width, first=True, halve=True)
        self.block2 = DownBlock(width, width, halve=True)
        self.block3, self.block4 = DownBlock(width, width), DownBlock(width, width)
        self.l5 = spectral_norm(nn.Linear(width, 1, bias=False))

    def forward(self, images):
        return self.l5(
            self.block4(self.block3(self.block2(self.block1(images)))).relu().sum((2, 3))
        )


def convolutions(network):
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def prune_rounds(network, name, rounds):
    for _ in range(rounds):
        prune.global_unstructured(
            [(conv, name) for conv in convolutions(network)], prune.L1Unstructured, amount=0.2
        )


@torch.no_grad()
def moved(network, inputs, times):
    """The network after some training passes: statistics have moved, singular vectors have
    converged.
    """
    network.train()
    for _ in range(times):
        network(inputs)
    return network.eval()


def perturbed(state):
    """Other parameters under other masks and statistics: what an average beside a live network may
    be.
    """
    draw = torch.Generator().manual_seed(7)
    noise = {
        name: 0.1 * torch.randn(value.shape, generator=draw)
        for name, value in state.items()
        if value.is_floating_point()
    }
    changed = {
        name: value + noise[name] if name in noise else value for name, value in state.items()
    }
    flipped = {name: 1 - value for name, value in state.items() if name.endswith("weight_mask")}
    return {
        **changed,
        **flipped,
        **{name: value.abs() for name, value in changed.items() if name.endswith("running_var")},
    }


class Theirs:
    """Networks of five rounds of pruning, and the files of them."""

    def __init__(self, folder):
        torch.manual_seed(0)
        self.folder = folder
        self.generator, self.discriminator = Generator(), Discriminator()
        self.save(
            {
                "gen_state_dict": self.generator.state_dict(),
                "dis_state_dict": self.discriminator.state_dict(),
            },
            "theta_0.pth",
        )
        self.save(self.generator.state_dict(), "initial_gen_net.pth")
        self.save(self.discriminator.state_dict(), "initial_dis_net.pth")
        prune_rounds(self.generator, "weight", 5)
        prune_rounds(self.discriminator, "weight_orig", 2)
        moved(self.generator, torch.randn(16, 128), 5)
        self.images = torch.rand(2, 3, RESOLUTION, RESOLUTION) * 2 - 1
        moved(self.discriminator, self.images[:1, :, :8, :8], 300)
        self.states = {
            "gen_state_dict": self.generator.state_dict(),
            "avg_gen_state_dict": perturbed(self.generator.state_dict()),
            "dis_state_dict": self.discriminator.state_dict(),
        }
        self.checkpoint = {
            **self.states,
            "epoch": 320,
            "model": "sngan_cifar10",
            "gen_optimizer": torch.optim.Adam(self.generator.parameters()).state_dict(),
            "best_fid": np.float64(14.25),  # as their FID function returns it
            "path_helper": {"prefix": "logs/sngan"},
        }
        self.file = self.save(self.checkpoint, "checkpoint_4.pth")

    def save(self, content, name, **options):
        path = self.folder / name
        torch.save(content, path, **options)
        return str(path)

    def initial(self):
        return (str(self.folder / "initial_gen_net.pth"), str(self.folder / "initial_dis_net.pth"))
