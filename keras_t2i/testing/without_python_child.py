"""The child of `without_python.py`: TensorFlow's C interface by ctypes; standard library alone.

Reads a pickled job from the standard input and writes the pickled answer, or `{"error": text}`.
Strings travel as lists of bytes, other tensors as their raw bytes, both with type number and
shape. Not for import: it is run as a file by an isolated interpreter.
"""

import ctypes
import os
import pickle
import sys

STRING = 7  # DT_STRING
STRING_BYTES = 24  # sizeof(TF_TString)
CODES = {
    3: "INVALID_ARGUMENT",
    5: "NOT_FOUND",
    9: "FAILED_PRECONDITION",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
}

Pointer = ctypes.c_void_p
Size = ctypes.c_size_t


class Buffer(ctypes.Structure):
    """TF_Buffer."""

    _fields_ = [("data", Pointer), ("length", Size), ("deallocator", Pointer)]


class Output(ctypes.Structure):
    """TF_Output."""

    _fields_ = [("operation", Pointer), ("index", ctypes.c_int)]


SIGNATURES = {
    "TF_NewStatus": (Pointer, []),
    "TF_GetCode": (ctypes.c_int, [Pointer]),
    "TF_Message": (ctypes.c_char_p, [Pointer]),
    "TF_NewGraph": (Pointer, []),
    "TF_NewSessionOptions": (Pointer, []),
    "TF_LoadLibrary": (Pointer, [ctypes.c_char_p, Pointer]),
    "TF_LoadSessionFromSavedModel": (
        Pointer,
        [
            *(Pointer, Pointer, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p)),
            *(ctypes.c_int, Pointer, Pointer, Pointer),
        ],
    ),
    "TF_GraphOperationByName": (Pointer, [Pointer, ctypes.c_char_p]),
    "TF_SessionRun": (
        None,
        [
            *(Pointer, Pointer, ctypes.POINTER(Output), ctypes.POINTER(Pointer), ctypes.c_int),
            *(ctypes.POINTER(Output), ctypes.POINTER(Pointer), ctypes.c_int),
            *(Pointer, ctypes.c_int, Pointer, Pointer),
        ],
    ),
    "TF_AllocateTensor": (
        Pointer,
        [ctypes.c_int, ctypes.POINTER(ctypes.c_int64), ctypes.c_int, Size],
    ),
    "TF_TensorData": (Pointer, [Pointer]),
    "TF_TensorByteSize": (Size, [Pointer]),
    "TF_TensorType": (ctypes.c_int, [Pointer]),
    "TF_NumDims": (ctypes.c_int, [Pointer]),
    "TF_Dim": (ctypes.c_int64, [Pointer, ctypes.c_int]),
    "TF_StringInit": (None, [Pointer]),
    "TF_StringCopy": (None, [Pointer, ctypes.c_char_p, Size]),
    "TF_StringGetDataPointer": (Pointer, [Pointer]),
    "TF_StringGetSize": (Size, [Pointer]),
    "TF_GetAllOpList": (ctypes.POINTER(Buffer), []),
    "TF_GetRegisteredKernelsForOp": (ctypes.POINTER(Buffer), [ctypes.c_char_p, Pointer]),
}


def main():
    """Do the job of the standard input."""
    job = pickle.load(sys.stdin.buffer)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the libraries print must not mix with the answer
    try:
        library = load_libraries(job["core"], job["text"])
        task = {"run": run_requests, "registry": read_registry}[job["task"]]
        answer = task(library, job)
    except TensorFlowError as error:
        answer = {"error": str(error)}
    with answers:
        pickle.dump(answer, answers)
    os._exit(0)  # the libraries' destructors have nothing to save, and can crash


class TensorFlowError(Exception):
    """A status other than OK."""


class Status:
    """A TF_Status that raises."""

    def __init__(self, library):
        self.library, self.pointer = library, library.TF_NewStatus()

    def check(self, doing):
        """Raise unless the last call went well."""
        code = self.library.TF_GetCode(self.pointer)
        if code:
            text = self.library.TF_Message(self.pointer).decode("utf-8", "replace")
            raise TensorFlowError(f"{CODES.get(code, code)}: {text} (while {doing})")


def load_libraries(core, text):
    """Load TensorFlow and TF Text, switch XLA off as the model server's main does."""
    for path in core:
        library = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library["_ZN10tensorflow21DisableXlaCompilationEv"]()
    status = Status(library)
    for path in text:
        library.TF_LoadLibrary(path.encode(), status.pointer)
        status.check(f"loading {path}")
    return library


def run_requests(library, job):
    """Load job["folder"]; for each of job["requests"] the fetched tensors, or an error's text."""
    status = Status(library)
    graph, tags = library.TF_NewGraph(), (ctypes.c_char_p * 1)(b"serve")
    folder, options = job["folder"].encode(), library.TF_NewSessionOptions()
    session = library.TF_LoadSessionFromSavedModel(
        options, None, folder, tags, 1, graph, None, status.pointer
    )
    status.check("loading the model")
    answers = []
    for request in job["requests"]:
        try:
            answers.append(run_request(library, session, graph, request))
        except TensorFlowError as error:
            answers.append(str(error))
    return answers


def run_request(library, session, graph, request):
    """Feed and fetch once."""
    status = Status(library)
    feeds, fetches = request["feeds"], request["fetches"]
    inputs = (Output * len(feeds))(*(find(library, graph, feed[0]) for feed in feeds))
    values = (Pointer * len(feeds))(*(to_tensor(library, *feed[1:]) for feed in feeds))
    outputs = (Output * len(fetches))(*(find(library, graph, name) for name in fetches))
    results = (Pointer * len(fetches))()
    library.TF_SessionRun(
        *(session, None, inputs, values, len(feeds), outputs, results, len(fetches)),
        *(None, 0, None, status.pointer),
    )
    status.check("running the request")
    return [from_tensor(library, tensor) for tensor in results]


def find(library, graph, name):
    """TF_Output of a tensor's name such as "serving_default_caption:0"."""
    operation, _, index = name.partition(":")
    return Output(library.TF_GraphOperationByName(graph, operation.encode()), int(index or 0))


def to_tensor(library, type_number, shape, content):
    """A new TF_Tensor."""
    dimensions = (ctypes.c_int64 * len(shape))(*shape)
    size = STRING_BYTES * len(content) if type_number == STRING else len(content)
    tensor = library.TF_AllocateTensor(type_number, dimensions, len(shape), size)
    data = library.TF_TensorData(tensor)
    if type_number != STRING:
        ctypes.memmove(data, content, size)
        return tensor
    for index, text in enumerate(content):
        place = data + STRING_BYTES * index
        library.TF_StringInit(place)
        library.TF_StringCopy(place, text, len(text))
    return tensor


def from_tensor(library, tensor):
    """(type number, shape, content) of a TF_Tensor."""
    shape = tuple(library.TF_Dim(tensor, axis) for axis in range(library.TF_NumDims(tensor)))
    type_number = library.TF_TensorType(tensor)
    size, data = library.TF_TensorByteSize(tensor), library.TF_TensorData(tensor)
    if type_number != STRING:
        return type_number, shape, ctypes.string_at(data, size) if size else b""
    places = [data + offset for offset in range(0, size, STRING_BYTES)]
    texts = [
        ctypes.string_at(library.TF_StringGetDataPointer(place), library.TF_StringGetSize(place))
        for place in places
    ]
    return type_number, shape, texts


def read_registry(library, job):
    """Serialised OpList of all operations; with job["ops"], the KernelList of each of these."""
    if "ops" not in job:
        return to_bytes(library.TF_GetAllOpList())
    status, kernels = Status(library), []
    for name in job["ops"]:
        kernels.append(
            to_bytes(library.TF_GetRegisteredKernelsForOp(name.encode(), status.pointer))
        )
        status.check(f"asking for the kernels of {name}")
    return kernels


def to_bytes(buffer):
    """The content of a TF_Buffer."""
    return ctypes.string_at(buffer.contents.data, buffer.contents.length)


if __name__ == "__main__":
    main()
