"""Named protocols: metric, extractor, data, split, count, resize and seed under one name.

Protocol --Judge--> Record --compare_records--> better or worse; or a refusal, with the reason
"""

from keras_t2i.metrics.protocols.judge import Judge
from keras_t2i.metrics.protocols.protocol import GIVEN, Protocol
from keras_t2i.metrics.protocols.record import (
    IncomparableError,
    Record,
    compare_records,
    read_record,
    read_records,
    write_record,
)
from keras_t2i.metrics.protocols.subjects import FolderSubject, ModelSubject, RealSubject, Subject
from keras_t2i.metrics.protocols.table import (
    PROTOCOLS,
    SUITES,
    expand_protocols,
    find_protocol,
    list_protocols,
)

__all__ = [
    "GIVEN",
    "PROTOCOLS",
    "SUITES",
    "FolderSubject",
    "IncomparableError",
    "Judge",
    "ModelSubject",
    "Protocol",
    "RealSubject",
    "Record",
    "Subject",
    "compare_records",
    "expand_protocols",
    "find_protocol",
    "list_protocols",
    "read_record",
    "read_records",
    "write_record",
]
