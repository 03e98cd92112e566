"""Text: captions to token ids inside the graph, and token ids to features."""

from keras_t2i.text.bilstm_encoder import BiLSTMEncoder
from keras_t2i.text.char_cnn_rnn import CharCNNRNN
from keras_t2i.text.character_tokenizer import CharacterTokenizer
from keras_t2i.text.joint_embedding import JointEmbedding
from keras_t2i.text.regex_word_tokenizer import RegexWordTokenizer
from keras_t2i.text.text_encoder import TextEncoder, word_mask
from keras_t2i.text.tokenizer import Tokenizer, check_captions
from keras_t2i.text.vocabulary import load_vocabulary, save_vocabulary
from keras_t2i.text.word_sum_encoder import WordSumEncoder
from keras_t2i.text.word_tokenizer import WordTokenizer

__all__ = [
    "BiLSTMEncoder",
    "CharCNNRNN",
    "CharacterTokenizer",
    "JointEmbedding",
    "RegexWordTokenizer",
    "TextEncoder",
    "Tokenizer",
    "WordSumEncoder",
    "WordTokenizer",
    "check_captions",
    "load_vocabulary",
    "save_vocabulary",
    "word_mask",
]
