"""What the commands do, one public function each.

train --> run directory;  paint_files --> PNG files;  describe_source --> text
pack_source --> data pack;  serve_model --> local server
evaluate --> records;  demo --> all of it, once
"""

from keras_t2i.tasks.demonstration import DemoResult, demo
from keras_t2i.tasks.description import SourceDescription, describe_source
from keras_t2i.tasks.evaluation import evaluate, protocol_captions
from keras_t2i.tasks.loading import load_model
from keras_t2i.tasks.packing import pack_source
from keras_t2i.tasks.painting import PaintedFiles, paint_files
from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.tasks.serving import serve_model
from keras_t2i.tasks.training import train

__all__ = [
    "DemoResult",
    "PaintedFiles",
    "RunDirectory",
    "SourceDescription",
    "demo",
    "describe_source",
    "evaluate",
    "load_model",
    "pack_source",
    "paint_files",
    "protocol_captions",
    "serve_model",
    "train",
]
