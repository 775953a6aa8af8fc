"""The two of the classic line that timm lacks, AlexNet and GoogLeNet, from torchvision and registered with timm like the others."""

from typing import Any

import torchvision
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn
from torchvision.models import AlexNet_Weights, GoogLeNet_Weights

_FILE = {"num_classes": 1000, "input_size": (3, 224, 224)}
default_cfgs = generate_default_cfgs(
    {
        "alexnet": _FILE | {"url": AlexNet_Weights.IMAGENET1K_V1.url, "first_conv": "features.0", "classifier": "classifier.6"},
        # these weights were trained on -1..1
        "googlenet": _FILE
        | {"url": GoogLeNet_Weights.IMAGENET1K_V1.url, "first_conv": "conv1.conv", "classifier": "fc", "mean": (0.5,) * 3, "std": (0.5,) * 3},
    }
)


class AlexNet(torchvision.models.AlexNet):
    """[N, in_chans, H, W] -> [N, num_classes], or the 4096 features of the last hidden layer. Pictures of 63 pixels and more."""

    def __init__(self, in_chans: int = 3, num_classes: int = 1000, drop_rate: float = 0.5) -> None:
        super().__init__(num_classes=num_classes or 1, dropout=drop_rate)
        self.features[0] = nn.Conv2d(in_chans, 64, kernel_size=11, stride=4, padding=2)
        self.num_classes, self.num_features, self.head_hidden_size = num_classes, 256, 4096
        if not num_classes:
            self.classifier[6] = nn.Identity()

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Each convolution is a stage; what matches none, the fully connected layers, is the last."""
        return {"stem": r"^features\.0\.", "blocks": r"^features\.(\d+)"}


class GoogLeNet(torchvision.models.GoogLeNet):
    """[N, in_chans, H, W] -> [N, num_classes], or 1024 features; without the auxiliary classifiers."""

    def __init__(self, in_chans: int = 3, num_classes: int = 1000, drop_rate: float = 0.2) -> None:
        super().__init__(num_classes=num_classes or 1, aux_logits=False, init_weights=True, dropout=drop_rate)
        self.conv1.conv = nn.Conv2d(in_chans, 64, kernel_size=7, stride=2, padding=3, bias=False)
        nn.init.trunc_normal_(self.conv1.conv.weight, std=0.01)
        self.num_classes, self.num_features, self.head_hidden_size = num_classes, 1024, 1024
        if not num_classes:
            self.fc = nn.Identity()

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """The stem, and each inception block."""
        blocks = [(rf"^inception{name}\.", (number,)) for number, name in enumerate(("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"))]
        return {"stem": r"^conv[123]\.", "blocks": r"^inception(\d)" if coarse else blocks}


def checkpoint_filter_fn(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """torchvision's GoogLeNet weights without the auxiliary classifiers."""
    return {name: value for name, value in state.items() if not name.startswith(("aux1.", "aux2."))}


@register_model
def alexnet(pretrained: bool = False, **options: Any) -> nn.Module:
    """AlexNet as torchvision has it (Krizhevsky 2014, arXiv:1404.5997)."""
    return build_model_with_cfg(AlexNet, "alexnet", pretrained, **options)


@register_model
def googlenet(pretrained: bool = False, **options: Any) -> nn.Module:
    """GoogLeNet (Szegedy et al. 2014, arXiv:1409.4842) with batch normalisation, as torchvision has it."""
    return build_model_with_cfg(GoogLeNet, "googlenet", pretrained, pretrained_filter_fn=checkpoint_filter_fn, **options)
