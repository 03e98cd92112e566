"""The authors' published weights: readers of their files, and what belongs where in our networks.

.pth, captions.pickle --readers that run nothing--> tensors and words by name
tensors --one table a system: their name, our variable, how to turn the axes--> our networks
"""

from keras_t2i.checkpoints.captions_file import read_vocabulary
from keras_t2i.checkpoints.torch_file import read_state_dict

__all__ = ["read_state_dict", "read_vocabulary"]
