"""The residual networks of StudioGAN in PyTorch, written after its description of them.

Every module has the name of the layer of ours that it equals.
"""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, one_hot, relu
from torch.nn.utils import spectral_norm


def _maybe(module: nn.Module, spectral: bool, dim: int = 0) -> nn.Module:
    return spectral_norm(module, dim=dim) if spectral else module


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-4)


class ConditionalNorm(nn.BatchNorm2d):
    """Of labels, if there are classes, or of features."""

    def __init__(self, channels: int, classes: int, features: int, spectral: bool, eps: float):
        super().__init__(channels, eps=eps, affine=False)
        self.classes = classes
        size = classes or features
        self.gains = _maybe(nn.Linear(size, channels, bias=False), spectral)
        self.shifts = _maybe(nn.Linear(size, channels, bias=False), spectral)

    def forward(self, x, condition):
        if self.classes:
            condition = one_hot(condition, self.classes).to(x.dtype)
        gain = 1 + self.gains(condition)
        return super().forward(x) * gain[..., None, None] + self.shifts(condition)[..., None, None]


class _Attention(nn.Module):
    def __init__(self, channels: int, spectral: bool):
        super().__init__()

        def conv(inputs, outputs):
            return _maybe(nn.Conv2d(inputs, outputs, 1, bias=False), spectral)

        small, half = max(1, channels // 8), channels // 2
        self.query = conv(channels, small)
        self.key = conv(channels, small)
        self.value = conv(channels, half)
        self.to_map = conv(half, channels)
        self.scale = nn.Module()
        self.scale.sigma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        count, _, height, width = x.shape
        queries = self.query(x).flatten(2)
        keys = max_pool2d(self.key(x), 2).flatten(2)
        values = max_pool2d(self.value(x), 2).flatten(2)
        weights = (queries.transpose(1, 2) @ keys).softmax(2)
        attended = (values @ weights.transpose(1, 2)).view(count, -1, height, width)
        return x + self.scale.sigma * self.to_map(attended)


class _Up(nn.Module):
    def __init__(self, width: int, classes: int, features: int, spectral: bool, eps: float):
        super().__init__()
        self.conditional = bool(classes or features)
        norm = ConditionalNorm if self.conditional else nn.BatchNorm2d
        options = (width, classes, features, spectral, eps) if self.conditional else (width, eps)
        self.norm_1, self.norm_2 = norm(*options), norm(*options)
        self.conv_1 = _maybe(nn.Conv2d(width, width, 3, padding=1), spectral)
        self.conv_2 = _maybe(nn.Conv2d(width, width, 3, padding=1), spectral)
        self.shortcut = _maybe(nn.Conv2d(width, width, 1), spectral)

    def forward(self, x, condition):
        condition = [condition] if self.conditional else []
        made = interpolate(relu(self.norm_1(x, *condition)), scale_factor=2)
        made = self.conv_2(relu(self.norm_2(self.conv_1(made), *condition)))
        return made + self.shortcut(interpolate(x, scale_factor=2))


class Generator(nn.Module):
    """Latents, and labels if there are classes, to images.

    With `part`, the latents are parts of that size, one for each depth, and blocks get a class
    embedding of 128 features beside theirs.
    """

    def __init__(
        self,
        resolution: int,
        width: int,
        channels: int,
        classes: int = 0,
        spectral: bool = False,
        attention: bool = False,
        part: int = 0,
        eps: float = 1e-4,
    ):
        super().__init__()
        self.width, self.part = width, part
        self.dense = _maybe(nn.Linear(part or 128, 16 * width), spectral)
        if part:
            self.classes = nn.Embedding(classes, 128)
        count = resolution.bit_length() - 3
        condition = (0, 128 + part) if part else (classes, 0)
        self.blocks = [_Up(width, *condition, spectral, eps) for _ in range(count)]
        for number, block in enumerate(self.blocks, 1):
            self.add_module(f"block_{number}", block)
        self.attention = _Attention(width, spectral) if attention else None
        self.norm = nn.BatchNorm2d(width, eps=eps)
        self.to_image = _maybe(nn.Conv2d(width, channels, 3, padding=1), spectral)

    def forward(self, latents, labels=None):
        conditions = [labels] * len(self.blocks)
        if self.part:
            latents, *parts = latents.split(self.part, 1)
            conditions = [torch.cat([self.classes(labels), part], 1) for part in parts]
        x = self.dense(latents).view(-1, self.width, 4, 4)
        for number, (block, condition) in enumerate(zip(self.blocks, conditions, strict=True), 1):
            x = block(x, condition)
            if self.attention is not None and number == len(self.blocks) - 1:
                x = self.attention(x)
        return torch.tanh(self.to_image(relu(self.norm(x))))


class _Down(nn.Module):
    def __init__(self, inputs: int, width: int, spectral: bool, *, first: bool, halve: bool):
        super().__init__()
        self.first, self.halve, self.spectral = first, halve, spectral
        self.conv_1 = _maybe(nn.Conv2d(inputs, width, 3, padding=1), spectral)
        self.conv_2 = _maybe(nn.Conv2d(width, width, 3, padding=1), spectral)
        if halve:
            self.shortcut = _maybe(nn.Conv2d(inputs, width, 1), spectral)
        if not spectral:
            self.norm_2 = _norm(width)
            if not first:
                self.norm_1 = _norm(inputs)
            if halve:
                self.shortcut_norm = _norm(inputs)

    def forward(self, x):
        made = x
        if not self.first:
            made = relu(made if self.spectral else self.norm_1(made))
        made = self.conv_1(made)
        made = self.conv_2(relu(made if self.spectral else self.norm_2(made)))
        if not self.halve:
            return made + x
        if self.first:
            x = avg_pool2d(x, 2)
            past = self.shortcut(x if self.spectral else self.shortcut_norm(x))
        else:
            past = avg_pool2d(self.shortcut(x if self.spectral else self.shortcut_norm(x)), 2)
        return avg_pool2d(made, 2) + past


class Discriminator(nn.Module):
    """Images, and labels if there are classes, to scores; without labels but with `classify`
    classes also to logits of these.
    """

    def __init__(
        self,
        resolution: int,
        width: int,
        channels: int,
        classes: int = 0,
        spectral: bool = False,
        attention: bool = False,
        classify: int = 0,
    ):
        super().__init__()
        halvings = max(1, (resolution // 8).bit_length() - 1)
        self.blocks = [
            _Down(width if n else channels, width, spectral, first=n == 0, halve=n < halvings)
            for n in range(halvings + 2)
        ]
        for number, block in enumerate(self.blocks, 1):
            self.add_module(f"block_{number}", block)
        self.attention = _Attention(width, spectral) if attention else None
        self.score = _maybe(nn.Linear(width, 1), spectral)
        if classes:
            self.projection = _maybe(nn.Embedding(classes, width), spectral, dim=1)
        if classify:
            self.classes = nn.Linear(width, classify, bias=False)

    def forward(self, images, labels=None):
        x = self.blocks[0](images)
        if self.attention is not None:
            x = self.attention(x)
        for block in self.blocks[1:]:
            x = block(x)
        x = relu(x).sum((2, 3))
        score = self.score(x)
        if labels is not None:
            score = score + (self.projection(labels) * x).sum(1, keepdim=True)
        return (score, self.classes(x)) if hasattr(self, "classes") else score
