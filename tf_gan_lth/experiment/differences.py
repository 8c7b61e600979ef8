"""What makes two configs different experiments."""

import dataclasses
import json
import pathlib
from collections.abc import Iterable

from tf_gan_lth.experiment import config as configs

FOLLOWING = ("discriminator_learning_rate",)  # options that, unset, are as another one is


def difference(
    there: configs.Config,
    here: configs.Config,
    used_there: dict[str, object] | None,
    used_here: dict[str, object] | None,
) -> str:
    """Lists the options that make two configs different experiments; empty if they are equal.

    If both runs recorded the values that were used, these are compared. Then asking for a value
    that would be used anyway makes no difference, while a usual value that has changed since does.
    """
    if _same_place(there.data.dataset, here.data.dataset):
        # The images are compared themselves.
        here = dataclasses.replace(
            here, data=dataclasses.replace(here.data, dataset=there.data.dataset)
        )
        if used_there and used_here:
            used_here = {**used_here, "dataset": used_there["dataset"]}
    network = there.evaluation.feature_network
    if _same_name(network, here.evaluation.feature_network):
        # The networks are compared themselves, wherever each lies.
        here = dataclasses.replace(
            here, evaluation=dataclasses.replace(here.evaluation, feature_network=network)
        )
        if used_there and used_here:
            used_here = {**used_here, "feature_network": used_there["feature_network"]}
    asked = (configs.to_options(there), configs.to_options(here))
    if used_there is None or used_here is None:
        changed = configs.identity(there).keys() | configs.identity(here).keys()
        return _listed(*asked, changed)
    used_here = json.loads(json.dumps(used_here))
    # What follows another option where it is unset differs with that one, which is named itself.
    follow = {name for name in FOLLOWING if asked[0][name] is None and asked[1][name] is None}
    compared = [name for name in used_there if name not in follow]
    changed = [name for name in compared if used_there[name] != used_here.get(name)]
    # An option that is newer than the run counts if it is asked for.
    added = (used_here.keys() - used_there.keys()) & configs.identity(here).keys()
    text = _listed(used_there, used_here, [*changed, *added])
    if text and configs.identity(there) == configs.identity(here):
        text += " (no option was changed: what is usual, or the networks, changed since it began)"
    return text


def _same_place(there: str | None, here: str | None) -> bool:
    """Whether two data sets are both folders or both files: only their content tells them apart."""
    kinds = {(name or "").partition(":")[0] for name in (there, here)}
    return kinds in ({"folder"}, {"npz"})


def _same_name(there: str | None, here: str | None) -> bool:
    """Whether two feature networks are files or folders of one name: their paths may differ."""
    if not there or not here or "://" in there + here:
        return False
    return pathlib.PurePath(there).name == pathlib.PurePath(here).name


def _listed(old: dict[str, object], new: dict[str, object], names: Iterable[str]) -> str:
    return ", ".join(
        f"{configs.as_flag(name)} is {old.get(name)} there and {new.get(name)} here"
        for name in sorted(names)
        if old.get(name) != new.get(name)
    )
