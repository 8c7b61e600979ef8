"""CycleGAN in PyTorch as GAN-LTH trains it.

`train_step.py` compares with it, and the tests show that it is equal to ours.
"""

import itertools
import random
from collections.abc import Callable

import torch
from torch import nn


class _Residual(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + super().forward(x)


def _residual(width: int) -> nn.Module:
    first = [
        nn.ReflectionPad2d(1),
        nn.Conv2d(width, width, 3),
        nn.InstanceNorm2d(width, affine=True),
        nn.ReLU(),
    ]
    return _Residual(
        *first, nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)
    )


def _down(inputs: int, outputs: int, affine: bool) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1),
        nn.InstanceNorm2d(outputs, affine=affine),
        nn.ReLU(),
    ]


def _up(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return [convolution, nn.InstanceNorm2d(outputs, affine=True), nn.ReLU()]


def generator(width: int, channels: int, blocks: int) -> nn.Module:
    """A network from images `(N, channels, H, W)` to such images, with fresh weights."""
    first = [
        nn.ReflectionPad2d(3),
        nn.Conv2d(channels, width, 7),
        nn.InstanceNorm2d(width, affine=True),
        nn.ReLU(),
    ]
    inside = [
        *_down(width, 2 * width, True),
        *_down(2 * width, 4 * width, False),
        *(_residual(4 * width) for _ in range(blocks)),
    ]
    last = [
        *_up(4 * width, 2 * width),
        *_up(2 * width, width),
        nn.ReflectionPad2d(3),
        nn.Conv2d(width, channels, 7),
        nn.Tanh(),
    ]
    return nn.Sequential(*first, *inside, *last)


def discriminator(width: int, channels: int) -> nn.Module:
    """A network from images `(N, channels, H, W)` to scores `(N, 1)`, with fresh weights."""
    modules, inputs = [], channels
    for number, strides in enumerate([2, 2, 2, 1]):
        outputs = 2**number * width
        modules.append(nn.Conv2d(inputs, outputs, 4, strides, padding=1))
        if number:
            modules.append(nn.InstanceNorm2d(outputs, affine=True))
        modules.append(nn.LeakyReLU(0.2))
        inputs = outputs
    return nn.Sequential(
        *modules, nn.Conv2d(inputs, 1, 4, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


class _Pool:
    def __init__(self, size: int):
        self.size, self.images = size, []

    def exchange(self, images: torch.Tensor) -> torch.Tensor:
        given = []
        for image in images.detach():
            if len(self.images) < self.size:
                self.images.append(image)
            elif random.random() < 0.5:
                slot = random.randrange(self.size)
                image, self.images[slot] = self.images[slot], image
            given.append(image)
        return torch.stack(given)


class Step:
    """A training step of all four networks.

    Least-squares loss, cycle weight 10, identity weight 5, a pool of 50 images, Adam.

    Args:
      width, discriminator_width, channels, blocks: sizes of the networks.
      prepared: a function that prepares each network: its memory format, precision and compilation.
    """

    def __init__(
        self,
        width: int,
        discriminator_width: int,
        channels: int,
        blocks: int,
        prepared: Callable[[nn.Module], nn.Module],
    ):
        self.a2b, self.b2a = (prepared(generator(width, channels, blocks)) for _ in range(2))
        self.judge_a, self.judge_b = (
            prepared(discriminator(discriminator_width, channels)) for _ in range(2)
        )
        parameters = itertools.chain(self.a2b.parameters(), self.b2a.parameters())
        self.generators = torch.optim.Adam(parameters, 2e-4, (0.5, 0.999))
        self.discriminators = [
            torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999))
            for net in (self.judge_a, self.judge_b)
        ]
        self.pools = [_Pool(50), _Pool(50)]

    def __call__(self, a: torch.Tensor, b: torch.Tensor) -> float:
        """Trains on images `(N, channels, H, W)` of both domains; returns the generators' loss."""
        square, absolute = nn.functional.mse_loss, nn.functional.l1_loss
        real = torch.ones(len(a), 1)
        fake = torch.zeros(len(a), 1)
        self.generators.zero_grad()
        fake_b = self.a2b(a)
        fake_a = self.b2a(b)
        loss = 5 * (absolute(self.a2b(b), b) + absolute(self.b2a(a), a))
        loss = loss + square(self.judge_b(fake_b), real) + square(self.judge_a(fake_a), real)
        loss = loss + 10 * (absolute(self.b2a(fake_b), a) + absolute(self.a2b(fake_a), b))
        loss.backward()
        self.generators.step()
        sides = zip(
            (self.judge_a, self.judge_b),
            self.discriminators,
            self.pools,
            (a, b),
            (fake_a, fake_b),
            strict=True,
        )
        for judge, optimizer, pool, images, made in sides:
            optimizer.zero_grad()
            judged = 0.5 * (square(judge(images), real) + square(judge(pool.exchange(made)), fake))
            judged.backward()
            optimizer.step()
        return loss.item()
