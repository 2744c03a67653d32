"""Low-rank adapters on a language model, through peft: only they are trained and stored.

Source: Hu et al., LoRA, ICLR 2022.
"""

import copy
from typing import Any

from pydantic import BaseModel, Field, PositiveInt
from torch import nn

from clinmm.errors import InputError


class LoraConfig(BaseModel, frozen=True, extra="forbid"):
    """rank, alpha: the change of a layer is alpha / rank times a product of that rank.

    targets: ends of the names of the linear layers that get adapters; those of the BERT family.
    """

    rank: PositiveInt = 8
    alpha: PositiveInt = 16
    dropout: float = Field(default=0.05, ge=0, lt=1)
    targets: tuple[str, ...] = ("query", "value")


def with_adapters(network: Any, config: LoraConfig) -> Any:
    """A copy of the network whose weights are those of the network, held still, and whose adapters
    start at no change.

    Raises:
        InputError: peft is not installed, or no layer has a name of `targets`.
    """
    try:
        import peft
    except ImportError:
        raise InputError(
            "encoders: lora needs the package peft. Install it with: pip install 'clinmm[lora]'"
        ) from None
    # The copies of a study's models share the memory of what none of them changes.
    shared = {id(p): nn.Parameter(p.detach(), requires_grad=False) for p in network.parameters()}
    settings = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(config.targets),
    )
    try:
        return peft.inject_adapter_in_model(settings, copy.deepcopy(network, shared))
    except ValueError:
        linear = {
            name.rpartition(".")[2]
            for name, part in network.named_modules()
            if isinstance(part, nn.Linear)
        }
        raise InputError(
            f"encoders: lora.targets {list(config.targets)} name no layer of the model. "
            f"Its linear layers are called {', '.join(sorted(linear))}."
        ) from None


def store_only_trained(module: nn.Module) -> None:
    """Leaves the parameters that are now held still out of the module's state, and takes its own
    for them when a state is loaded. What they are must be known by other means, as by a hash."""
    still = [name for name, p in module.named_parameters() if not p.requires_grad]

    def leave_out(owner: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
        for name in still:
            state.pop(prefix + name, None)

    def put_back(owner: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
        for name in still:
            state.setdefault(prefix + name, owner.get_parameter(name).detach())

    module.register_state_dict_post_hook(leave_out)  # type: ignore[no-untyped-call]
    module.register_load_state_dict_pre_hook(put_back)  # type: ignore[no-untyped-call]
