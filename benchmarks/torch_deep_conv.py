"""The networks of DCGAN and GGAN in PyTorch, written after StudioGAN's description of them."""

from torch import nn
from torch.nn.functional import relu


def widths(resolution: int, width: int) -> list[int]:
    """Channels of the maps from the image to the 4x4 one: doubled, to eight times the first."""
    return [min(2**number, 8) * width for number in range(resolution.bit_length() - 2)]


class _ConvNorm(nn.Module):
    def __init__(self, conv: nn.Module):
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(conv.out_channels, eps=1e-4)

    def forward(self, x):
        return relu(self.norm(self.conv(x)))


class Generator(nn.Module):
    """Widths are those of all maps, from the 4x4 one on."""

    def __init__(self, widths: list[int], channels: int):
        super().__init__()
        self.dense = nn.Linear(128, 16 * widths[0])
        self.blocks = []
        for number, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False), 1):
            block = _ConvNorm(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1))
            self.add_module(f"block_{number}", block)
            self.blocks.append(block)
        self.to_image = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, latents):
        x = self.dense(latents).view(len(latents), -1, 4, 4)
        for block in self.blocks:
            x = block(x)
        return self.to_image(x).tanh()


class _Halve(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.keep = _ConvNorm(nn.Conv2d(inputs, outputs, 3, padding=1))
        self.halve = _ConvNorm(nn.Conv2d(outputs, outputs, 4, 2, 1))

    def forward(self, x):
        return self.halve(self.keep(x))


class Discriminator(nn.Module):
    """Widths are those of all maps, from the outermost to the 4x4 one."""

    def __init__(self, widths: list[int], channels: int):
        super().__init__()
        self.blocks = []
        *halved, last = widths
        for number, outputs in enumerate(halved, 1):
            block = _Halve(([channels] + halved)[number - 1], outputs)
            self.add_module(f"block_{number}", block)
            self.blocks.append(block)
        self.last = _ConvNorm(nn.Conv2d(halved[-1], last, 3, padding=1))
        self.score = nn.Linear(last, 1)

    def forward(self, images):
        for block in self.blocks:
            images = block(images)
        return self.score(self.last(images).sum((2, 3)))
