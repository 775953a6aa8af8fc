"""Homographies from positions on the field to helmets in the image.

Helmets lie nearly in a plane above the field, so a homography takes (x, y) in yards to the centre
of the helmet in pixels (Hartley & Zisserman, *Multiple View Geometry*, 2004, chapter 4). It is
fitted to all boxes of a frame by iteratively reweighted least squares, robust to wrong boxes.
"""

import numpy as np

MIN_BOXES = 6  # a frame with fewer boxes is not registered: four points fit any homography
AFFINE_ROUNDS, ROUNDS = 8, 12  # of reweighting
TOLERANCE = 2.0  # px, noise of the boxes


def project(homography: np.ndarray, field: np.ndarray) -> np.ndarray:
    """[F, P, 2] pixels of positions [F, P, 2] under homographies [F, 3, 3]; NaN behind a camera."""
    image = _homogeneous(homography, field)
    return image[..., :2] / np.where(image[..., 2:] > 1e-9, image[..., 2:], np.nan)


def _homogeneous(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[F, P, 3] homogeneous images of [F, P, 2] points."""
    return np.einsum("fij,fpj->fpi", homography[:, :, :2], points) + homography[:, None, :, 2]


def fit_homographies(field: np.ndarray, pixels: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
    """[F, 3, 3] homography of each frame from `field` [F, P, 2] yd to `pixels` [F, P, 2].

    Iteratively reweighted least squares with Cauchy weights on the distance in pixels, from the
    weights of an affine fit, which outliers can't turn inside out as they can a homography.
    NaN points are ignored; NaN where a frame has fewer than MIN_BOXES points.
    """
    known = ~(np.isnan(field).any(-1) | np.isnan(pixels).any(-1))
    enough = known.sum(1) >= MIN_BOXES
    homography = np.full((len(field), 3, 3), np.nan)
    if not enough.any():
        return homography
    known = known[enough]
    field, pixels = field[enough].astype(np.float64), pixels[enough].astype(np.float64)
    from_field, _ = _normalisation(field, known)
    from_pixels, to_pixels = _normalisation(pixels, known)
    a = np.where(known[..., None], project(from_field, field), 0.0)
    b = np.where(known[..., None], project(from_pixels, pixels), 0.0)
    size = np.linalg.inv(from_pixels)[:, 0, 0][:, None]  # px a unit
    weight = _affine_weights(a, b, known)
    depth = np.ones_like(weight)
    for _ in range(rounds):
        matrix = _direct_linear_transform(a, b, weight / depth**2)
        image = _homogeneous(matrix, a)
        depth = np.maximum(image[..., 2], 0.2)  # 1 at the centre
        residual = np.linalg.norm(image[..., :2] / depth[..., None] - b, axis=-1) * size
        weight = _cauchy_weights(residual, known, TOLERANCE)
    homography[enough] = to_pixels @ matrix @ from_field
    return homography / np.abs(homography[:, 2:, 2:])


def _cauchy_weights(residual: np.ndarray, known: np.ndarray, minimum: float) -> np.ndarray:
    scale = np.maximum(1.5 * nan_median(np.where(known, residual, np.nan)), minimum)[:, None]
    return known / (1 + (residual / scale) ** 2)


def _affine_weights(a: np.ndarray, b: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[F, P] weights of the points in a robust affine fit of `a` to `b` [F, P, 2]."""
    points = np.concatenate([a, np.ones((*a.shape[:2], 1))], axis=-1)
    weight = known.astype(np.float64)
    for _ in range(AFFINE_ROUNDS):
        weighted = (points * weight[..., None]).transpose(0, 2, 1)
        solution = np.linalg.solve(weighted @ points + 1e-9 * np.eye(3), weighted @ b)
        weight = _cauchy_weights(np.linalg.norm(points @ solution - b, axis=-1), known, 1e-3)
    return weight


def _direct_linear_transform(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[F, 3, 3] weighted DLT of points `a` to `b` [F, P, 2], signed to have them in front."""
    x, y, u, v = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    zero, one = np.zeros_like(x), np.ones_like(x)
    first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u], axis=-1)
    second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v], axis=-1)
    equations = np.concatenate([first, second], axis=1)
    equations = equations * np.sqrt(np.concatenate([weight, weight], axis=1))[..., None]
    matrix = np.linalg.eigh(equations.transpose(0, 2, 1) @ equations)[1][:, :, 0].reshape(-1, 3, 3)
    depth = np.einsum("fj,fpj->fp", matrix[:, 2, :2], a) + matrix[:, 2, 2:]
    sign = np.where((np.sign(depth) * weight).sum(1) < 0, -1.0, 1.0)[:, None, None]
    return sign * matrix / np.maximum(np.linalg.norm(matrix[:, 2], axis=-1), 1e-12)[:, None, None]


def _normalisation(points: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[F, 3, 3] similarity that takes a frame's points to mean 0 and std 1, and its inverse."""
    count = known.sum(1)[:, None]
    centre = np.where(known[..., None], points, 0).sum(1) / count
    centred = np.where(known[..., None], points - centre[:, None], 0)
    std = np.sqrt((centred**2).sum((1, 2)) / count[:, 0]) + 1e-9
    matrix = np.zeros((len(points), 3, 3))
    matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / std
    matrix[:, :2, 2] = -centre / std[:, None]
    matrix[:, 2, 2] = 1
    return matrix, np.linalg.inv(matrix)


def homographies_of_four(points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """[F, 3, 3] the homography that takes four `points` [F, 4, 2] to four `pixels` exactly."""
    centre = points.mean(1, keepdims=True)
    x, y = np.moveaxis(points - centre, -1, 0)
    u, v = np.moveaxis(pixels, -1, 0)
    zero, one = np.zeros_like(x), np.ones_like(x)
    first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1)
    second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1)
    equations = np.concatenate([first, second], axis=1)
    solution = np.linalg.solve(equations, np.concatenate([u, v], axis=1)[..., None])[..., 0]
    homography = np.concatenate([solution, np.ones((len(points), 1))], axis=1).reshape(-1, 3, 3)
    centring = np.tile(np.eye(3), (len(points), 1, 1))
    centring[:, :2, 2] = -centre[:, 0]
    return homography @ centring


def nan_mean(values: np.ndarray) -> np.ndarray:
    """[F, 2] mean of [F, P, 2] over P, NaN ignored; NaN, without a warning, where all are."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, values, 0).sum(1) / known.sum(1)


def nan_median(values: np.ndarray) -> np.ndarray:
    """[F] median of [F, P], NaN ignored; NaN, without a warning, where all are."""
    ordered = np.sort(values, axis=1)  # NaN last
    count = np.isfinite(ordered).sum(1)
    row, last = np.arange(len(ordered)), ordered.shape[1] - 1
    low = ordered[row, np.maximum(count - 1, 0) // 2]
    high = ordered[row, np.minimum(count // 2, last)]
    return np.where(count > 0, (low + high) / 2, np.nan)
