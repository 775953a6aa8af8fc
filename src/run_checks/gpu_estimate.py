"""What training vision would take on a GPU, by published throughputs: for machines without one."""

from collections.abc import Sequence
from dataclasses import dataclass

from player_contact.inference.time_budget import duration_text

# Images/s that train and that are scored: timm, results/benchmark-{train,infer}-amp-nhwc-pt112-
# cu113-rtx3090.csv, 224 x 224 pixels, mixed precision, channels_last, on an RTX 3090.
RTX_3090 = {
    "resnet18": (3481.78, 11023.6),
    "resnet34": (2036.51, 6404.45),
    "resnet50": (1218.01, 3676.35),
    "tf_efficientnet_lite0": (2134.89, 8115.07),
    "tf_efficientnet_b0": (1779.02, 7052.24),
    "convnext_tiny": (819.24, 2379.5),
}
PUBLISHED_SIZE, RESNET18_GMACS = 224, 1.82
FASTEST = 11915.85, 70939.06  # of all in these files: for smaller ones, starting kernels takes long
# Images/s of ResNet-50 with mixed precision by NVIDIA DeepLearningExamples, PyTorch/Classification/
# ConvNets/resnet50v1.5, pytorch-21.03: A100 80GB training 2470; T4 scoring 1198, V100 16GB training
# 1200 and scoring 3382. T4 training and A100 scoring are not published: by the same ratios.
A100, T4, T4_TO_V100 = 2470, 1198, 1198 / 3382
RELATIVE = {  # to an RTX 3090, when it trains and when it scores
    "T4": (1200 * T4_TO_V100 / RTX_3090["resnet50"][0], T4 / RTX_3090["resnet50"][1]),
    "RTX 3090": (1.0, 1.0),
    "A100": (A100 / RTX_3090["resnet50"][0], A100 / RTX_3090["resnet50"][0]),
}


@dataclass(frozen=True)
class GpuWork:
    """What a model has to do for all folds: images of `image_size` pixels to train on and to score.

    load     s of a core to load and augment an image
    loaders  processes that do so beside the training; 0: the same one does it before each batch
    gmacs    10^9 multiply-accumulates of the encoder, an image
    """

    encoder: str
    image_size: int
    gmacs: float
    trained: float
    scored: float
    load: float
    loaders: int

    def rates(self, gpu: str) -> tuple[float, float]:
        """Images/s that the encoder trains on and scores, fewer by how many more pixels they have.

        Of an encoder that has no published figures: ResNet-18's, by multiplications. None is above
        the fastest published one.
        """
        ours = self.encoder.split(".")[0].replace("contact_", "")  # ours are as large as timm's
        if (published := RTX_3090.get(ours)) is not None:
            scale = (PUBLISHED_SIZE / self.image_size) ** 2
        else:
            published, scale = RTX_3090["resnet18"], RESNET18_GMACS / self.gmacs
        train, score = (
            min(rate * scale, fastest) * times
            for rate, fastest, times in zip(published, FASTEST, RELATIVE[gpu], strict=True)
        )
        return train, score

    def seconds(self, gpu: str) -> tuple[float, float]:
        """Of the encoder alone, and until all is done: who is slower waits for the other."""
        train, score = self.rates(gpu)
        encoder = self.trained / train + self.scored / score
        loading = (self.trained + self.scored) * self.load
        if not self.loaders:
            return encoder, encoder + loading
        return encoder, max(encoder, loading / self.loaders)


def gpu_lines(works: Sequence[GpuWork]) -> list[str]:
    """A table of the stage vision on one GPU of each kind, and where its figures come from."""
    lines = [f"{'on one GPU, estimated':24}{'trains':>12}{'scores':>12}{'vision':>14}"]
    for gpu in RELATIVE:
        trained, scored = (
            sum(getattr(work, name) for work in works)
            / sum(getattr(work, name) / work.rates(gpu)[index] for work in works)
            for index, name in enumerate(("trained", "scored"))
        )
        times = [work.seconds(gpu) for work in works]
        total = duration_text(sum(whole for _, whole in times))
        waits = any(whole > 2 * encoder for encoder, whole in times)
        note = "  waits for images" if waits else ""
        lines.append(f"{gpu:24}{trained:10,.0f}/s{scored:10,.0f}/s{total:>14}{note}")
    models = sorted({f"{work.encoder} at {work.image_size} px" for work in works})
    loaded = min(max(1, work.loaders) / work.load for work in works)
    return [
        *lines,
        *(f"Of {model}, by published images/s at 224 px," for model in models),
        "scaled by pixels or, of encoders without any, by multiplications (docs/scale.md).",
        f"Images are loaded at {loaded:,.0f}/s, as measured here: each more of vision.num_workers,",
        "on a core of its own, loads more.",
    ]
