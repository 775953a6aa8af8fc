"""AlexNet and GoogLeNet, which timm lacks: torchvision's, registered with timm."""

from typing import Any

import torchvision
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn
from torchvision.models import AlexNet_Weights, GoogLeNet_Weights

_CFG = {"num_classes": 1000, "input_size": (3, 224, 224)}
_ALEXNET = _CFG | {"first_conv": "features.0", "classifier": "classifier.6"}
_GOOGLENET = _CFG | {"first_conv": "conv1.conv", "classifier": "fc"}
_GOOGLENET |= {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}  # its weights expect -1..1
default_cfgs = generate_default_cfgs(
    {
        "alexnet": _ALEXNET | {"url": AlexNet_Weights.IMAGENET1K_V1.url},
        "googlenet": _GOOGLENET | {"url": GoogLeNet_Weights.IMAGENET1K_V1.url},
    }
)


class AlexNet(torchvision.models.AlexNet):
    """[N, in_chans, H, W] -> [N, num_classes], or 4096 features where it is 0. H, W >= 63."""

    def __init__(self, in_chans: int = 3, num_classes: int = 1000, drop_rate: float = 0.5) -> None:
        super().__init__(num_classes=num_classes or 1, dropout=drop_rate)
        self.features[0] = nn.Conv2d(in_chans, 64, kernel_size=11, stride=4, padding=2)
        self.num_classes, self.num_features, self.head_hidden_size = num_classes, 256, 4096
        if not num_classes:
            self.classifier[6] = nn.Identity()

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """A stage for each convolution; the fully connected layers, left over, come last."""
        return {"stem": r"^features\.0\.", "blocks": r"^features\.(\d+)"}


class GoogLeNet(torchvision.models.GoogLeNet):
    """[N, in_chans, H, W] -> [N, num_classes], or 1024 features where it is 0."""

    def __init__(self, in_chans: int = 3, num_classes: int = 1000, drop_rate: float = 0.2) -> None:
        super().__init__(
            num_classes=num_classes or 1, aux_logits=False, init_weights=True, dropout=drop_rate
        )
        self.conv1.conv = nn.Conv2d(in_chans, 64, kernel_size=7, stride=2, padding=3, bias=False)
        nn.init.trunc_normal_(self.conv1.conv.weight, std=0.01)
        self.num_classes, self.num_features, self.head_hidden_size = num_classes, 1024, 1024
        if not num_classes:
            self.fc = nn.Identity()

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """The stem, and each inception block, or (coarse) all of one size together."""
        names = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
        blocks = [(rf"^inception{name}\.", (i,)) for i, name in enumerate(names)]
        return {"stem": r"^conv[123]\.", "blocks": r"^inception(\d)" if coarse else blocks}


def checkpoint_filter_fn(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """torchvision's GoogLeNet weights without the auxiliary classifiers."""
    return {name: value for name, value in state.items() if not name.startswith(("aux1.", "aux2."))}


@register_model
def alexnet(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """AlexNet (Krizhevsky 2014, arXiv:1404.5997)."""
    return build_model_with_cfg(AlexNet, "alexnet", pretrained, **kwargs)


@register_model
def googlenet(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """GoogLeNet with batch norm (Szegedy et al. 2014, arXiv:1409.4842)."""
    kwargs = {"pretrained_filter_fn": checkpoint_filter_fn, **kwargs}
    return build_model_with_cfg(GoogLeNet, "googlenet", pretrained, **kwargs)
