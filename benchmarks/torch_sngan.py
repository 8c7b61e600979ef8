"""The networks of SNGAN in PyTorch as GAN-LTH has them.

`train_step.py` compares with it, and the tests show that it is equal to ours.
"""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, relu
from torch.nn.utils import spectral_norm


class _Up(nn.Module):
    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.norm_1 = nn.BatchNorm2d(inputs)
        self.norm_2 = nn.BatchNorm2d(width)
        self.conv_1 = nn.Conv2d(inputs, width, 3, padding=1)
        self.conv_2 = nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.conv_1(interpolate(relu(self.norm_1(x)), scale_factor=2))
        made = self.conv_2(relu(self.norm_2(made)))
        return made + self.shortcut(interpolate(x, scale_factor=2))


class Generator(nn.Module):
    """Maps latents `(N, 128)` to images `(N, channels, resolution, resolution)`."""

    def __init__(self, resolution: int, width: int, channels: int):
        super().__init__()
        self.width = width
        self.dense = nn.Linear(128, 16 * width)
        self.blocks = nn.Sequential(
            *(_Up(width, width) for _ in range(resolution.bit_length() - 3))
        )
        self.norm = nn.BatchNorm2d(width)
        self.to_image = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.dense(latents).view(-1, self.width, 4, 4))
        return torch.tanh(self.to_image(relu(self.norm(x))))


class _Down(nn.Module):
    def __init__(self, inputs: int, width: int, *, first: bool, halve: bool):
        super().__init__()
        self.first, self.halve = first, halve
        self.conv_1 = spectral_norm(nn.Conv2d(inputs, width, 3, padding=1))
        self.conv_2 = spectral_norm(nn.Conv2d(width, width, 3, padding=1))
        self.shortcut = spectral_norm(nn.Conv2d(inputs, width, 1)) if halve else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.conv_2(relu(self.conv_1(x if self.first else relu(x))))
        if not self.halve:
            return made + x
        past = self.shortcut(avg_pool2d(x, 2)) if self.first else avg_pool2d(self.shortcut(x), 2)
        return avg_pool2d(made, 2) + past


class Discriminator(nn.Module):
    """Maps images `(N, channels, resolution, resolution)` to scores `(N, 1)`."""

    def __init__(self, resolution: int, width: int, channels: int):
        super().__init__()
        halvings = max(1, (resolution // 8).bit_length() - 1)
        blocks = [
            _Down(width if n else channels, width, first=n == 0, halve=n < halvings)
            for n in range(halvings + 2)
        ]
        self.blocks = nn.Sequential(*blocks)
        self.score = spectral_norm(nn.Linear(width, 1, bias=False))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.score(relu(self.blocks(images)).sum((2, 3)))
