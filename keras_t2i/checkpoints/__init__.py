"""The authors' published weights: readers of their files, and what belongs where in our networks.

.pth, captions.pickle --readers that run nothing--> tensors and words by name
tensors --one table a system: their name, our variable, how to turn the axes--> our networks
"""

from keras_t2i.checkpoints.captions_file import CaptionsFile, read_captions
from keras_t2i.checkpoints.torch_file import read_state_dict

__all__ = ["CaptionsFile", "read_captions", "read_state_dict"]
