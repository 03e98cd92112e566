"""How good are the pictures? Distances, scores, and the networks that look at them.

pictures --extractors--> features --distances--> Score(value, deviation, count)

A figure means something only together with the extractor, resize, reference set and number of
samples it was taken with: `keras_t2i.metrics.protocols` gives all of that a name, and
`keras_t2i.evaluate` takes the figure.
"""

from keras_t2i.metrics.caption_cross_entropy import CaptionCrossEntropy, caption_cross_entropy
from keras_t2i.metrics.checks import FewSamplesWarning
from keras_t2i.metrics.clip_score import CLIPScore, clip_score
from keras_t2i.metrics.diversity import diversity
from keras_t2i.metrics.extractors import Extractor, get_extractor, list_extractors
from keras_t2i.metrics.extractors.dual_encoder import DualEncoder
from keras_t2i.metrics.feature_cache import FeatureCache
from keras_t2i.metrics.features import extract_features, feature_batches
from keras_t2i.metrics.frechet_distance import FrechetDistance, frechet_distance
from keras_t2i.metrics.inception_score import InceptionScore, inception_score
from keras_t2i.metrics.kernel_distance import KernelDistance, kernel_distance
from keras_t2i.metrics.manifold import precision_recall_density_coverage
from keras_t2i.metrics.moments import FeatureMoments
from keras_t2i.metrics.ms_ssim import MSSSIM, ms_ssim
from keras_t2i.metrics.picture_set import PictureSet, picture_set
from keras_t2i.metrics.psnr import PSNR, psnr
from keras_t2i.metrics.retrieval import RPrecision, r_precision
from keras_t2i.metrics.score import Score
from keras_t2i.metrics.similarity import cosine_similarities
from keras_t2i.metrics.ssim import SSIM, ssim
from keras_t2i.metrics.visual_semantic_similarity import (
    VisualSemanticSimilarity,
    visual_semantic_similarity,
)

__all__ = [
    "MSSSIM",
    "PSNR",
    "SSIM",
    "CLIPScore",
    "CaptionCrossEntropy",
    "DualEncoder",
    "Extractor",
    "FeatureCache",
    "FeatureMoments",
    "FewSamplesWarning",
    "FrechetDistance",
    "InceptionScore",
    "KernelDistance",
    "PictureSet",
    "RPrecision",
    "Score",
    "VisualSemanticSimilarity",
    "caption_cross_entropy",
    "clip_score",
    "cosine_similarities",
    "diversity",
    "extract_features",
    "feature_batches",
    "frechet_distance",
    "get_extractor",
    "inception_score",
    "kernel_distance",
    "list_extractors",
    "ms_ssim",
    "picture_set",
    "precision_recall_density_coverage",
    "psnr",
    "r_precision",
    "ssim",
    "visual_semantic_similarity",
]
