"""torchvision's 3D ResNets (Tran et al. 2018, arXiv:1711.11248), registered with timm.

They convolve over the frames of an image as well, of which they want many: 16 or so.
"""

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, cat, nn
from torchvision.models import video
from torchvision.models.video import resnet

STEMS = {"r3d_18": resnet.BasicStem, "mc3_18": resnet.BasicStem, "r2plus1d_18": resnet.R2Plus1dStem}
CONVOLUTIONS = {  # of the four stages
    "r3d_18": [resnet.Conv3DSimple] * 4,
    "mc3_18": [resnet.Conv3DSimple] + [resnet.Conv3DNoTemporal] * 3,
    "r2plus1d_18": [resnet.Conv2Plus1D] * 4,
}
_CFG = {"num_classes": 400, "input_size": (3, 112, 112), "classifier": "fc"}
_CFG |= {"first_conv": "stem.0", "std": (0.22803, 0.22145, 0.216989)}
default_cfgs = generate_default_cfgs(dict.fromkeys(STEMS, _CFG))


class VideoResNet(video.VideoResNet):
    """[N, in_chans, H, W] -> [N, num_classes], or 512 features where it is 0.

    The first `num_frames` channels are frames, in order; every frame gets all the others, as planes
    of its own.
    """

    def __init__(
        self, name: str, in_chans: int = 3, num_frames: int = 0, num_classes: int = 400
    ) -> None:
        blocks: Any = resnet.BasicBlock
        super().__init__(blocks, CONVOLUTIONS[name], [2] * 4, STEMS[name], num_classes or 1)
        self.num_frames = num_frames or in_chans
        first: Any = self.stem[0]
        planes, sizes = 1 + in_chans - self.num_frames, (first.kernel_size, first.stride)
        self.stem[0] = nn.Conv3d(
            planes, first.out_channels, *sizes, padding=first.padding, bias=False
        )
        nn.init.kaiming_normal_(self.stem[0].weight, mode="fan_out", nonlinearity="relu")
        self.num_classes = num_classes
        self.num_features = self.head_hidden_size = 512
        if not num_classes:
            self.fc = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, D] or [N, num_classes]."""
        frames, planes = x[:, None, : self.num_frames], x[:, self.num_frames :, None]
        planes = planes.expand(-1, -1, self.num_frames, -1, -1)
        return super().forward(cat([frames, planes], dim=1))  # [N, planes, frames, H, W]

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Parameters of the stem and of each stage (coarse) or block, as timm groups them."""
        blocks = r"^layer(\d+)" if coarse else r"^layer(\d+)\.(\d+)"
        return {"stem": r"^stem", "blocks": blocks}


def _register(name: str) -> None:
    def create(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        return build_model_with_cfg(VideoResNet, name, pretrained, name=name, **kwargs)

    create.__name__ = name
    register_model(create)


for _name in STEMS:
    _register(_name)
