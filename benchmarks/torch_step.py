"""The networks and the training step of noise-to-image GANs in PyTorch, for `train_step.py`.

The tests show that the networks are equal to ours.
"""

import dataclasses

import torch
import torch_deep_conv
import torch_residual
import torch_sngan
from torch import nn
from torch.nn.functional import cross_entropy, relu, softplus

from tf_gan_lth.experiment.config import Config

LATENT_DIM = {"biggan": 80}  # others have 128
# Maps scores of real and of fake images to what the discriminator minimises, and those of fake ones
# to what the generator does.
LOSSES = {
    "hinge": (
        lambda real, fake: relu(1 - real).mean() + relu(1 + fake).mean(),
        lambda fake: -fake.mean(),
    ),
    "wasserstein": (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean()),
    "non_saturating": (
        lambda real, fake: softplus(-real).mean() + softplus(fake).mean(),
        lambda fake: softplus(-fake).mean(),
    ),
}
# What the residual GANs have beside blocks: (of the generator, of the discriminator).
RESIDUAL = {
    "wgan_gp": ((), ()),
    "acgan": (("classes",), ("classify",)),
    "projgan": (("classes",), ("classes",)),
    "sngan": (("classes",), ("classes", "spectral")),
    "sagan": (("classes", "spectral", "attention"),) * 2,
    "biggan": (("classes", "spectral", "attention", "part"), ("classes", "spectral", "attention")),
}


def networks(config: Config, channels: int, classes: int) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator of a resolved config; without labels there are 0 `classes`."""
    name, resolution = config.networks.gan, config.data.resolution
    width, judge_width = config.extras["width"], config.extras["discriminator_width"]
    if name in ("dcgan", "ggan"):
        return (
            torch_deep_conv.Generator(torch_deep_conv.widths(resolution, width)[::-1], channels),
            torch_deep_conv.Discriminator(
                torch_deep_conv.widths(resolution, judge_width), channels
            ),
        )
    if name == "sngan" and not classes:
        return (
            torch_sngan.Generator(resolution, width, channels),
            torch_sngan.Discriminator(resolution, judge_width, channels),
        )
    values = {"classes": classes, "classify": classes, "part": LATENT_DIM["biggan"] // 4}
    generator, discriminator = ({n: values.get(n, True) for n in has} for has in RESIDUAL[name])
    return (
        torch_residual.Generator(resolution, width, channels, **generator),
        torch_residual.Discriminator(resolution, judge_width, channels, **discriminator),
    )


@dataclasses.dataclass(frozen=True)
class Group:
    """Real images `(N, channels, H, W)`, and their labels `(N,)` if the GAN has them."""

    images: torch.Tensor
    labels: torch.Tensor | None


class Step:
    """A training step: some discriminator steps, one generator step, averages of the generator.

    With Adam, and the loss and the terms of the config, whose weights do not matter here.

    Args:
      generator, discriminator: the networks.
      config: resolved; how they are trained.
      classes: number of classes of the labels; 0 without.
      together: whether the discriminator judges real and generated images in one call, instead of
        two as in GAN-LTH and StudioGAN.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        config: Config,
        classes: int,
        together: bool,
    ):
        training = config.training
        self.generator, self.discriminator, self.classes = generator, discriminator, classes
        self.judged_by, self.drawn_by = LOSSES[training.loss]
        self.terms = {text.partition(":")[0] for text in training.terms}
        self.takes_labels = bool(classes) and "classify_real" not in self.terms
        self.latent_dim = LATENT_DIM.get(config.networks.gan, 128)
        self.count, self.ema_decay = training.generator_batch_size, training.ema_decay
        self.together = together
        self.optimizers = [
            torch.optim.Adam(net.parameters(), 2e-4, (0.0, 0.9))
            for net in (generator, discriminator)
        ]
        self.averages = [parameter.detach().clone() for parameter in generator.parameters()]

    def __call__(self, groups: list[Group]) -> float:
        """Makes one step on real images, and returns the generator's loss.

        Args:
          groups: what each discriminator step sees.
        """
        for group in groups:
            self.optimizers[1].zero_grad()
            self._discriminator_loss(group).backward()
            self.optimizers[1].step()
        self.optimizers[0].zero_grad()
        fake, labels = self._draw(self.count)
        scores, logits = self._judge(fake, labels)
        loss = self.drawn_by(scores)
        if logits is not None:
            loss = loss + cross_entropy(logits, labels)
        loss.backward()
        self.optimizers[0].step()
        if self.ema_decay:
            with torch.no_grad():
                for average, parameter in zip(
                    self.averages, self.generator.parameters(), strict=True
                ):
                    average.mul_(self.ema_decay).add_(parameter, alpha=1 - self.ema_decay)
        return loss.item()

    def _draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Images, and the labels that they are drawn for."""
        latents = torch.randn(count, self.latent_dim)
        if not self.classes:
            return self.generator(latents), None
        labels = torch.randint(self.classes, [count])
        return self.generator(latents, labels), labels

    def _judge(
        self, images: torch.Tensor, labels: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Scores, and logits of classes of a discriminator that classifies."""
        found = self.discriminator(images, *([labels] if self.takes_labels else []))
        return found if isinstance(found, tuple) else (found, None)

    def _discriminator_loss(self, group: Group) -> torch.Tensor:
        with torch.no_grad():
            fake, fake_labels = self._draw(len(group.images))
        images, labels = (group.images, fake), (group.labels, fake_labels)
        if self.together:
            both = torch.cat(labels) if self.classes else None
            scores, logits = self._judge(torch.cat(images), both)
            scores = scores.chunk(2)
            logits = logits.chunk(2) if logits is not None else (None, None)
        else:
            judged = map(self._judge, images, labels)
            scores, logits = zip(*judged, strict=True)
        loss = self.judged_by(*scores)
        if logits[0] is not None:
            loss = loss + sum(map(cross_entropy, logits, labels))
        if "gradient_penalty" in self.terms:
            loss = loss + self._penalty(group, fake)
        return loss

    def _penalty(self, group: Group, fake: torch.Tensor) -> torch.Tensor:
        share = torch.rand(len(fake), 1, 1, 1)
        between = (share * group.images + (1 - share) * fake).requires_grad_()
        scores, _ = self._judge(between, group.labels)
        [slopes] = torch.autograd.grad(scores.sum(), between, create_graph=True)
        return (slopes.flatten(1).norm(dim=1) - 1).square().mean()
