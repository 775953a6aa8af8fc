"""Detectors of helmets: torchvision's heads on the project's encoders.

Helmets are 8 to 40 pixels wide: both read one feature map, of a quarter of the image's size, into
which a feature pyramid (Lin et al. 2017, arXiv:1612.03144) brings what coarser stages see.
`fcos` (Tian et al. 2019, arXiv:1904.01355) decides at every place of it; `faster_rcnn` (Ren et al.
2015, arXiv:1506.01497) proposes regions from anchors, pools each and decides again.
"""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.fcos import (
    FCOSClassificationHead,
    FCOSHead,
    FCOSRegressionHead,
)
from torchvision.models.detection.rpn import RPNHead
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.config import DetectorConfig
from player_contact.utils.errors import ConfigError
from player_contact.vision.encoders import create_encoder

STRIDE = 4  # pixels of the image a place of the feature map
STAGES = {f"layer{number}": str(number) for number in (1, 2, 3)}  # of strides 4, 8 and 16
COARSEST = 16
CLASSES = 2  # background and helmet
MEAN, STD = (0.45,), (0.25,)  # of gray images in 0..1
MAX_BOXES = 60  # found in an image
NMS_IOU = 0.5
HEAD_CONVS = 2
CENTRE_RADIUS = 1.5  # places around a helmet's centre that learn to find it
POOLED, HIDDEN = 5, 128  # of a region: its side, and features


class FinestFeatures(nn.Module):
    """[N, 1, H, W] -> {"0": [N, channels, H / 4, W / 4]}, by a pyramid over an encoder's stages."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        encoder = create_encoder(
            config.encoder, config.tile_size, config.encoder_options, in_chans=1, num_classes=0
        )
        if missing := [name for name in STAGES if not hasattr(encoder, name)]:
            raise ConfigError(
                f"'detector.encoder' {config.encoder!r} has no {missing[0]}: name a ResNet, such "
                "as contact_resnet10_small or resnet18"
            )
        self.encoder = create_feature_extractor(encoder, STAGES)
        with torch.no_grad():
            stages = self.encoder.eval()(torch.zeros(1, 1, 64, 64))
        widths = [stage.shape[1] for stage in stages.values()]
        self.encoder.train()
        self.pyramid = FeaturePyramidNetwork(widths, config.channels)
        self.out_channels = config.channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The finest map alone: coarser ones have no helmets of their own."""
        # Of one channel, so that it has either order: this one is that of all that follows.
        images = torch.empty_like(images, memory_format=torch.channels_last).copy_(images)
        stages = self.encoder(images)  # strides 4, 8, 16
        finest = self.pyramid(OrderedDict(stages))["1"]
        return OrderedDict({"0": finest.float()})


def _make_fcos_head(channels: int) -> FCOSHead:
    """FCOS's, with batch norm: group norm would see other statistics in frames than in tiles."""
    head = FCOSHead(channels, 1, CLASSES, HEAD_CONVS)
    norm: dict[str, Any] = {"num_convs": HEAD_CONVS, "norm_layer": nn.BatchNorm2d}
    head.classification_head = FCOSClassificationHead(channels, 1, CLASSES, **norm)
    head.regression_head = FCOSRegressionHead(channels, 1, **norm)
    return head


def _in_float(head: nn.Module) -> nn.Module:
    """The head, with outputs in float32 also under autocast: boxes need more than 8 bits."""

    def to_float(_module: nn.Module, _inputs: Any, outputs: Any) -> Any:
        if isinstance(outputs, dict):
            return {name: tensor.float() for name, tensor in outputs.items()}
        first, second = outputs
        if isinstance(first, Tensor):
            return first.float(), second.float()
        return [tensor.float() for tensor in first], [tensor.float() for tensor in second]

    head.register_forward_hook(to_float)
    return head


def make_detector(config: DetectorConfig) -> nn.Module:
    """A torchvision detector: a list of [1, H, W] images in 0..1 -> boxes and scores of each.

    In training it takes targets too and returns its losses. Raises ConfigError: an encoder that is
    unknown, or has other stages than a ResNet.
    """
    features = FinestFeatures(config)
    common: dict[str, Any] = {
        "image_mean": MEAN,
        "image_std": STD,
        "size_divisible": COARSEST,
        "min_size": FRAME_HEIGHT,  # so frames stay as they are
        "max_size": FRAME_WIDTH,
        "_skip_resize": True,  # in training
    }
    if config.family == "fcos":
        return FCOS(
            features,
            CLASSES,
            anchor_generator=AnchorGenerator(((float(STRIDE),),), ((1.0,),)),
            head=_in_float(_make_fcos_head(config.channels)),
            center_sampling_radius=CENTRE_RADIUS,
            score_thresh=0.05,
            nms_thresh=NMS_IOU,
            detections_per_img=MAX_BOXES,
            **common,
        )
    anchors = AnchorGenerator((config.anchors,), ((1.0,),))
    return FasterRCNN(
        features,
        rpn_anchor_generator=anchors,
        rpn_head=_in_float(RPNHead(config.channels, len(config.anchors))),
        rpn_pre_nms_top_n_train=600,
        rpn_pre_nms_top_n_test=600,
        rpn_post_nms_top_n_train=200,
        rpn_post_nms_top_n_test=150,
        box_roi_pool=MultiScaleRoIAlign(["0"], POOLED, 2),
        box_head=TwoMLPHead(config.channels * POOLED**2, HIDDEN),
        box_predictor=_in_float(FastRCNNPredictor(HIDDEN, CLASSES)),
        box_nms_thresh=NMS_IOU,
        box_detections_per_img=MAX_BOXES,
        **common,
    )
