"""What the commands do, one public function each.

train, resume_training --> run directory;  list_runs --> what became of them
pack_source --> data pack;  import_weights --> bundle;  paint_files --> PNG files
describe_source --> text;  plot_attention --> where words were looked at
evaluate --> records;  serve_model --> local server;  demo --> all of it, once
"""

from keras_t2i.tasks.attention_plot import plot_attention
from keras_t2i.tasks.demonstration import DemoResult, demo
from keras_t2i.tasks.description import SourceDescription, describe_source
from keras_t2i.tasks.evaluation import evaluate, protocol_captions
from keras_t2i.tasks.importing import import_weights
from keras_t2i.tasks.loading import load_model
from keras_t2i.tasks.packing import pack_source
from keras_t2i.tasks.painting import PaintedFiles, paint_files
from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.tasks.runs import RunSummary, list_runs
from keras_t2i.tasks.serving import serve_model
from keras_t2i.tasks.training import resume_training, train

__all__ = [
    "DemoResult",
    "PaintedFiles",
    "RunDirectory",
    "RunSummary",
    "SourceDescription",
    "demo",
    "describe_source",
    "evaluate",
    "import_weights",
    "list_runs",
    "load_model",
    "pack_source",
    "paint_files",
    "plot_attention",
    "protocol_captions",
    "resume_training",
    "serve_model",
    "train",
]
