"""Homographies from positions on the field to helmets in the picture.

Helmets lie nearly in a plane above the field, so a homography takes (x, y) in yards to the middle of the helmet in pixels (Hartley & Zisserman,
*Multiple View Geometry*, 2004, chapter 4). It is fitted to all boxes of a frame by reweighted least squares, so that a few boxes with the wrong
player or of nobody do not pull it.
"""

import numpy as np

LEAST_BOXES = 6  # a frame with fewer boxes is not registered: four points fit any homography
AFFINE_ROUNDS = 8
ROUNDS = 12  # of reweighting
TOLERANCE = 2.0  # px, residuals below are noise of the boxes


def project(homography: np.ndarray, field: np.ndarray) -> np.ndarray:
    """[F, P, 2] pixels of the positions `field` [F, P, 2] under `homography` [F, 3, 3]; NaN behind the camera."""
    seen = np.einsum("fij,fpj->fpi", homography[:, :, :2], field) + homography[:, None, :, 2]
    depth = np.where(seen[..., 2:] > 1e-9, seen[..., 2:], np.nan)
    return seen[..., :2] / depth


def fit_homographies(field: np.ndarray, pixels: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
    """[F, 3, 3] the homography of every frame from `field` [F, P, 2] in yards to `pixels` [F, P, 2], NaN points left out.

    Reweighted least squares with Cauchy weights on the distance in pixels. It starts from the weights of an affine fit, which a box far astray can't
    turn inside out as it can a homography. NaN where a frame has fewer than LEAST_BOXES points.
    """
    known = ~(np.isnan(field).any(-1) | np.isnan(pixels).any(-1))
    enough = known.sum(1) >= LEAST_BOXES
    homography = np.full((len(field), 3, 3), np.nan)
    if not enough.any():
        return homography
    known, field, pixels = known[enough], field[enough].astype(np.float64), pixels[enough].astype(np.float64)
    from_field, _ = _normaliser(field, known)
    from_pixels, to_pixels = _normaliser(pixels, known)
    a, b = np.where(known[..., None], project(from_field, field), 0.0), np.where(known[..., None], project(from_pixels, pixels), 0.0)
    size = np.linalg.inv(from_pixels)[:, 0, 0][:, None]  # px a unit
    weight = _affine_weights(a, b, known)
    depth = np.ones_like(weight)
    for _ in range(rounds):
        matrix = _solve(a, b, weight / depth**2)
        seen = np.einsum("fij,fpj->fpi", matrix[:, :, :2], a) + matrix[:, None, :, 2]
        depth = np.maximum(seen[..., 2], 0.2)  # of the middle: 1
        residual = np.linalg.norm(seen[..., :2] / depth[..., None] - b, axis=-1) * size
        scale = np.maximum(1.5 * nan_median(np.where(known, residual, np.nan)), TOLERANCE)[:, None]
        weight = known / (1 + (residual / scale) ** 2)
    homography[enough] = to_pixels @ matrix @ from_field
    return homography / np.abs(homography[:, 2:, 2:])


def _affine_weights(a: np.ndarray, b: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[F, P] weights of the points in a robust affine fit of `a` to `b` [F, P, 2]."""
    points = np.concatenate([a, np.ones((*a.shape[:2], 1))], axis=-1)
    weight = known.astype(np.float64)
    for _ in range(AFFINE_ROUNDS):
        weighted = points * weight[..., None]
        normal = weighted.transpose(0, 2, 1) @ points + 1e-9 * np.eye(3)
        away = np.linalg.norm(points @ np.linalg.solve(normal, weighted.transpose(0, 2, 1) @ b) - b, axis=-1)
        scale = np.maximum(1.5 * nan_median(np.where(known, away, np.nan)), 1e-3)[:, None]
        weight = known / (1 + (away / scale) ** 2)
    return weight


def _solve(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[F, 3, 3] weighted direct linear transform of points `a` to `b` [F, P, 2], the sign such that the points lie before the camera."""
    zero, one = np.zeros_like(a[..., 0]), np.ones_like(a[..., 0])
    x, y, u, v = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u], axis=-1)
    second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v], axis=-1)
    equations = np.concatenate([first, second], axis=1) * np.sqrt(np.concatenate([weight, weight], axis=1))[..., None]
    matrix = np.linalg.eigh(equations.transpose(0, 2, 1) @ equations)[1][:, :, 0].reshape(-1, 3, 3)
    depth = np.einsum("fj,fpj->fp", matrix[:, 2, :2], a) + matrix[:, 2, 2:]
    sign = np.where((np.sign(depth) * weight).sum(1) < 0, -1.0, 1.0)[:, None, None]
    return sign * matrix / np.maximum(np.linalg.norm(matrix[:, 2], axis=-1), 1e-12)[:, None, None]


def _normaliser(points: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[F, 3, 3] similarity that takes each frame's points to mean 0 and spread 1, and its inverse."""
    count = known.sum(1)[:, None]
    centre = np.where(known[..., None], points, 0).sum(1) / count
    away = np.where(known[..., None], points - centre[:, None], 0)
    spread = np.sqrt((away**2).sum((1, 2)) / count[:, 0]) + 1e-9
    matrix = np.zeros((len(points), 3, 3))
    matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / spread
    matrix[:, :2, 2] = -centre / spread[:, None]
    matrix[:, 2, 2] = 1
    return matrix, np.linalg.inv(matrix)


def homographies_of_four(points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """[F, 3, 3] the homography that takes four `points` [F, 4, 2] to four `pixels` exactly."""
    middle = points.mean(1, keepdims=True)
    x, y = np.moveaxis(points - middle, -1, 0)
    u, v = np.moveaxis(pixels, -1, 0)
    zero, one = np.zeros_like(x), np.ones_like(x)
    equations = np.concatenate(
        [np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1), np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1)], axis=1
    )
    solved = np.linalg.solve(equations, np.concatenate([u, v], axis=1)[..., None])[..., 0]
    homography = np.concatenate([solved, np.ones((len(solved), 1))], axis=1).reshape(-1, 3, 3)
    back = np.tile(np.eye(3), (len(points), 1, 1))
    back[:, :2, 2] = -middle[:, 0]
    return homography @ back


def nan_mean(values: np.ndarray) -> np.ndarray:
    """[F, 2] the mean over the known of [F, P, 2]; NaN where none is known."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, values, 0).sum(1) / known.sum(1)


def nan_median(values: np.ndarray) -> np.ndarray:
    """[F] the median of the known of [F, P]; NaN where none is known."""
    ordered = np.sort(values, axis=1)  # NaN last
    count = np.isfinite(ordered).sum(1)
    row = np.arange(len(ordered))
    low, high = ordered[row, np.maximum(count - 1, 0) // 2], ordered[row, np.minimum(count // 2, ordered.shape[1] - 1)]
    return np.where(count > 0, (low + high) / 2, np.nan)
